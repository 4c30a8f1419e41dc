package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/onnxgraph"
)

// Encoder is a trained encoder: its weights under timm's names
// (blocks.0.attn.qkv.weight), and its architecture.
type Encoder struct {
	Config  builders.ViTConfig
	Root    string // which of a run's encoders it is: builders.BaseEncoder or MomentumEncoder, "" for the only one
	Tensors map[string]*onnxgraph.Tensor
	Path    string // of the checkpoint, or of the file that it was read from
	Step    int64  // steps that pmx trained it
	// Mean and Std are what its images are normalised by; zero is ImageNet's.
	Mean, Std [3]float32
	Metadata  map[string]string // that goes along with weights of others
}

// Name is what messages call the encoder.
func (e *Encoder) Name() string { return cmp.Or(e.Root, "encoder") }

// StepsProperty is the metadata property of an exported encoder that says how many
// steps it was trained.
const StepsProperty = "pmx.trained_steps"

// PreprocessingProperty is the metadata property of an exported encoder that takes images
// of any size: builders.Preprocessing, as JSON, which it does to them.
const PreprocessingProperty = "pmx.preprocessing"

// ONNX is the encoder as a model for inference, of standard operators only.
func (e *Encoder) ONNX(o builders.EncoderOptions) (*onnxgraph.Model, error) {
	o.Mean, o.Std = e.Mean, e.Std
	model, err := builders.Encoder(e.Config, e.Tensors, o)
	if err != nil {
		return nil, err
	}
	maps.Copy(model.Metadata, e.Metadata)
	architecture, err := json.Marshal(e.Architecture())
	if err != nil {
		return nil, err
	}
	model.Metadata[builders.EncoderProperty] = string(architecture)
	model.Metadata[StepsProperty] = stepsText(e.Step)
	if o.Resize > 0 {
		text, err := json.Marshal(builders.Preprocessing{Resize: o.Resize, Crop: e.Config.ImageSize, Interpolation: "bicubic"})
		if err != nil {
			return nil, err
		}
		model.Metadata[PreprocessingProperty] = string(text)
	}
	return model, nil
}

// Safetensors are the weights under timm's names (blocks.0.attn.qkv.weight), in the
// order in which images pass them, and the metadata of their file: the architecture,
// as JSON under builders.EncoderProperty, and StepsProperty.
func (e *Encoder) Safetensors() ([]safetensors.Named, map[string]string, error) {
	architecture, err := json.Marshal(e.Architecture())
	if err != nil {
		return nil, nil, err
	}
	_, params, err := e.trainingGraph(e.trainedSize())
	if err != nil {
		return nil, nil, err
	}
	return ordered(params, e.Tensors), map[string]string{"format": "pt", builders.EncoderProperty: string(architecture), StepsProperty: stepsText(e.Step)}, nil
}

// Digest is the SHA-256, in hexadecimal, of the weights under their names. It does not
// depend on the file that they came in.
func (e *Encoder) Digest() string {
	h := sha256.New()
	for _, name := range weights.ParameterNames(e.Config.Depth) {
		if t := e.Tensors[name]; t != nil {
			fmt.Fprintf(h, "%s %s %v\n", name, t.DType(), t.Shape())
			h.Write(t.Bytes())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Architecture is what a reader of the weights must know beside them.
func (e *Encoder) Architecture() builders.ArchitectureInfo {
	a := builders.Architecture(e.Config)
	if e.Std != ([3]float32{}) {
		a.Mean, a.Std = e.Mean, e.Std
	}
	return a
}

// ordered are weights in the order of the parameters.
func ordered(params []*builders.Param, weights map[string]*onnxgraph.Tensor) []safetensors.Named {
	var tensors []safetensors.Named
	for _, p := range params {
		tensors = append(tensors, safetensors.Named{Name: p.Name, Tensor: weights[p.Name]})
	}
	return tensors
}

// stepsText is the value of StepsProperty.
func stepsText(steps int64) string { return strconv.FormatInt(steps, 10) }
