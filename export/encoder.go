package export

import (
	"encoding/json"
	"strconv"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// Encoder is a trained encoder: its weights under timm's names
// (blocks.0.attn.qkv.weight), and its architecture.
type Encoder struct {
	Config  builders.ViTConfig
	Root    string // which of a run's encoders it is: builders.BaseEncoder or MomentumEncoder
	Tensors map[string]*onnxgraph.Tensor
	Path    string // of the checkpoint
	Step    int64  // steps that it was trained
}

// StepsProperty is the metadata property of an exported encoder that says how many
// steps it was trained.
const StepsProperty = "pmx.trained_steps"

// ONNX is the encoder as a model for inference, of standard operators only.
func (e *Encoder) ONNX(o builders.EncoderOptions) (*onnxgraph.Model, error) {
	model, err := builders.Encoder(e.Config, e.Tensors, o)
	if err != nil {
		return nil, err
	}
	model.Metadata[StepsProperty] = e.steps()
	return model, nil
}

// Safetensors are the weights under timm's names (blocks.0.attn.qkv.weight), in the
// order in which images pass them, and the metadata of their file: the architecture,
// as JSON under builders.EncoderProperty, and StepsProperty.
func (e *Encoder) Safetensors() ([]safetensors.Named, map[string]string, error) {
	architecture, err := json.Marshal(builders.Architecture(e.Config))
	if err != nil {
		return nil, nil, err
	}
	_, params, err := e.trainingGraph(e.trainedSize())
	if err != nil {
		return nil, nil, err
	}
	var tensors []safetensors.Named
	for _, p := range params {
		tensors = append(tensors, safetensors.Named{Name: p.Name, Tensor: e.Tensors[p.Name]})
	}
	return tensors, map[string]string{"format": "pt", builders.EncoderProperty: string(architecture), StepsProperty: e.steps()}, nil
}

func (e *Encoder) steps() string { return strconv.FormatInt(e.Step, 10) }
