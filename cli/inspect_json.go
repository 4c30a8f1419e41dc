package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/onnxgraph"
	"pmx/step"
)

// inspection is what inspect --json says of a file that is not a step file.
type inspection struct {
	Kind     string                     `json:"kind"` // model, encoder, checkpoint, weights or run
	Path     string                     `json:"path"`
	Metadata map[string]json.RawMessage `json:"metadata,omitempty"`
	Inputs   []tensorJSON               `json:"inputs,omitempty"`
	Outputs  []tensorJSON               `json:"outputs,omitempty"`
	Tensors  []tensorJSON               `json:"tensors,omitempty"`

	Missing []string `json:"missing_files,omitempty"`

	Operators  map[string]int `json:"operators,omitempty"`
	Parameters int64          `json:"parameters,omitempty"`

	Manifest    *artifacts.Manifest `json:"manifest,omitempty"`
	Config      json.RawMessage     `json:"config,omitempty"`
	Checkpoints []int64             `json:"checkpoints,omitempty"`
}

type tensorJSON struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"` // of a model's input or output: float[batch,3,224,224]
	DType string `json:"dtype,omitempty"`
	Shape []int  `json:"shape,omitempty"`
}

// inspectJSON prints what a file contains as one JSON object: for a step file its
// description, as step.json has it.
func inspectJSON(out io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: name %s", err, inspected)
	}
	if info.IsDir() {
		return jsonOfRun(out, path)
	}
	if like, err := looksLikeSafetensors(path); err != nil {
		return err
	} else if like {
		return jsonOfTensors(out, path)
	}
	if like, err := looksLikeORTCheckpoint(path); err != nil {
		return err
	} else if like {
		return errors.New("--json is not for checkpoints of ONNX Runtime Training: leave it out")
	}
	return jsonOfModel(out, path)
}

func jsonOfRun(out io.Writer, path string) error {
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return err
	}
	m, err := run.ReadManifest()
	if err != nil {
		return err
	}
	i := inspection{Kind: "run", Path: path, Manifest: &m}
	if err := run.ReadConfig(&i.Config); err != nil {
		return err
	}
	if i.Checkpoints, err = run.Checkpoints().List(); err != nil {
		return err
	}
	return printJSON(out, i)
}

func jsonOfTensors(out io.Writer, path string) error {
	r, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	i := inspection{Kind: "weights", Path: path, Metadata: rawJSON(r.Metadata())}
	if r.Metadata()[artifacts.CheckpointProperty] != "" {
		i.Kind = "checkpoint"
	}
	for _, t := range r.Infos() {
		i.Tensors = append(i.Tensors, tensorJSON{Name: t.Name, DType: dtypeText(t), Shape: append([]int{}, t.Shape...)})
	}
	return printJSON(out, i)
}

func jsonOfModel(out io.Writer, path string) error {
	d, err := onnxgraph.DescribeFile(path)
	if err != nil {
		return fmt.Errorf("%w: want %s", err, inspected)
	}
	if text, ok := d.Metadata[step.Property]; ok {
		var s step.Step // also an older one is printed as this version has it
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return fmt.Errorf("%s: metadata %s: %w", path, step.Property, err)
		}
		return printJSON(out, &s)
	}
	i := inspection{Kind: "model", Path: path, Missing: missingFiles(path, d), Metadata: rawJSON(d.Metadata), Operators: d.Operators, Parameters: d.Parameters}
	for _, p := range d.Inputs {
		i.Inputs = append(i.Inputs, tensorJSON{Name: p.Name, Type: p.Type})
	}
	for _, p := range d.Outputs {
		i.Outputs = append(i.Outputs, tensorJSON{Name: p.Name, Type: p.Type})
	}
	return printJSON(out, i)
}

// rawJSON takes metadata that is JSON as it is, and other text as a string.
func rawJSON(metadata map[string]string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for key, text := range metadata {
		if json.Valid([]byte(text)) {
			out[key] = json.RawMessage(text)
			continue
		}
		quoted, _ := json.Marshal(text) // a string always goes to JSON
		out[key] = quoted
	}
	return out
}
