package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/export"
	"pmx/internal/progress"
	"pmx/internal/table"
	"pmx/onnxgraph"
	"pmx/step"
	"pmx/training"
)

// inspectSafetensors prints what a safetensors file is, if it is one of ours, and
// its tensors.
func inspectSafetensors(out io.Writer, path string) error {
	r, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	metadata := r.Metadata()
	switch {
	case metadata[artifacts.CheckpointProperty] != "":
		err = inspectCheckpoint(out, path)
		delete(metadata, artifacts.CheckpointProperty)
		delete(metadata, artifacts.ChecksumProperty)
	case metadata[builders.EncoderProperty] != "":
		err = inspectWeights(out, path, r, metadata[builders.EncoderProperty])
		delete(metadata, builders.EncoderProperty)
		delete(metadata, export.StepsProperty)
	default:
		if inspectForeign(out, path) == nil {
			return nil
		}
		fmt.Fprintln(out, "a safetensors file")
	}
	if err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(metadata))
	if len(keys) > 0 {
		fmt.Fprintln(out, "\nmetadata:")
		for _, key := range keys {
			fmt.Fprintf(out, "  %s: %s\n", key, shorten(metadata[key], 200))
		}
	}
	fmt.Fprintln(out, "\ntensors:")
	w := table.New(out)
	for _, info := range r.Infos() {
		w.Row("  "+info.Name, dtypeText(info), info.Shape)
	}
	w.Row(fmt.Sprintf("%d tensors, %s numbers", len(r.Infos()), progress.Count(numbersIn(r))))
	return w.Flush()
}

// dtypeText is a tensor's element type: ONNX's name, or the file's where nothing here
// computes with it.
func dtypeText(info safetensors.Info) string {
	if info.DType == onnxgraph.Undefined {
		return info.Type
	}
	return info.DType.String()
}

func numbersIn(r *safetensors.Reader) int64 {
	var total int64
	for _, info := range r.Infos() {
		total += product(info.Shape)
	}
	return total
}

// inspectCheckpoint prints what state a checkpoint holds, having read it through.
func inspectCheckpoint(out io.Writer, path string) error {
	c, err := artifacts.OpenCheckpoint(path)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(out, "a checkpoint of pmx after step %d", c.Step)
	if c.Method != "" {
		fmt.Fprintf(out, ": %s", c.Method)
	}
	if seed, ok := training.SeedOf(c.CheckpointHeader); ok {
		fmt.Fprintf(out, ", seed %d", seed)
	}
	fmt.Fprintln(out)
	var a builders.ArchitectureInfo
	if json.Unmarshal(c.Arch, &a) == nil && a.Architecture != "" {
		fmt.Fprintf(out, "encoder: %s\n", architectureLine(a))
	}
	if err := c.Verify(); err != nil {
		return err
	}
	if a.Architecture != "" {
		if err := export.CheckArchitecture(path, a); err != nil {
			return err
		}
	}
	if c.HeaderChecked() {
		fmt.Fprintln(out, "checksum: good")
	} else {
		fmt.Fprintln(out, "checksum: good, of the tensors alone, as older versions of pmx wrote it")
	}
	fmt.Fprintln(out, "\nstate:")
	var roles stateRoles
	for _, info := range c.Infos() {
		kind, ok := c.Kinds[info.Name]
		if !ok {
			kind = string(step.KindOf(info.Name))
		}
		roles.add(step.Kind(kind), info.Shape)
	}
	return roles.print(out)
}

// inspectWeights prints what encoder a file of weights holds.
func inspectWeights(out io.Writer, path string, r *safetensors.Reader, architecture string) error {
	var a builders.ArchitectureInfo
	if err := json.Unmarshal([]byte(architecture), &a); err != nil {
		return fmt.Errorf("%s: metadata %s: %w", path, builders.EncoderProperty, err)
	}
	fmt.Fprintf(out, "weights of an encoder of pmx: %s\n", architectureLine(a))
	printTrained(out, r.Metadata())
	fmt.Fprintf(out, "parameters: %s, under timm's names\n", progress.Count(numbersIn(r)))
	return nil
}

// shorten cuts a text that is longer than n bytes.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(s[:n], ""), len(s))
}
