package export

import (
	"context"
	"encoding/json"
	"math"
	"slices"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// Classifier is a fine-tuned classifier: the weights of a ViT and of its head under
// timm's names, and what a user of it must know.
type Classifier struct {
	Config        builders.ClassifierConfig
	Classes       []string // names in the order of the outputs, or none
	Preprocessing builders.Preprocessing
	Tensors       map[string]*onnxgraph.Tensor
	Path          string // of the checkpoint
	Step          int64  // steps that it was trained
}

// Write writes the files of a classifier, as Encoder.Write does those of an encoder.
// A model has no dynamic size.
func (m *Classifier) Write(ctx context.Context, path string, o builders.EncoderOptions, v *Verifier) ([]File, error) {
	return write(ctx, m, path, o, v)
}

// ONNX is the classifier as a model for inference, of standard operators only.
func (m *Classifier) ONNX(o builders.EncoderOptions) (*onnxgraph.Model, error) {
	model, err := builders.ExportClassifier(m.Config, m.Tensors, m.Classes, m.Preprocessing, o)
	if err != nil {
		return nil, err
	}
	model.Metadata[StepsProperty] = stepsText(m.Step)
	return model, nil
}

// Safetensors are the weights under timm's names, and the metadata of their file: what
// the model has.
func (m *Classifier) Safetensors() ([]safetensors.Named, map[string]string, error) {
	info, err := json.Marshal(builders.NewClassifierInfo(m.Config, m.Classes, m.Preprocessing))
	if err != nil {
		return nil, nil, err
	}
	_, params, err := m.trainingGraph(m.size())
	if err != nil {
		return nil, nil, err
	}
	return ordered(params, m.Tensors), map[string]string{"format": "pt", builders.ClassifierProperty: string(info), StepsProperty: stepsText(m.Step)}, nil
}

// Architecture is what a reader of the weights must know beside them.
func (m *Classifier) Architecture() builders.ArchitectureInfo {
	return builders.Architecture(m.Config.ViTConfig)
}

func (m *Classifier) size() imageSize { return imageSize{m.Config.ImageSize, m.Config.ImageSize} }

// sizes implements exported.
func (m *Classifier) sizes(builders.EncoderOptions) []imageSize { return []imageSize{m.size()} }

// with implements exported.
func (m *Classifier) with(path string, weights map[string]*onnxgraph.Tensor) exported {
	other := *m
	other.Path, other.Tensors = path, weights
	return &other
}

// trainingGraph gives the logits [1 classes].
func (m *Classifier) trainingGraph(size imageSize) (*onnxgraph.Graph, []*builders.Param, error) {
	return trainingGraph(m.Path, m.Tensors, size, func(s builders.Scope, x *onnxgraph.Value) map[string]*onnxgraph.Value {
		return map[string]*onnxgraph.Value{builders.ClassifierLogits: builders.NewClassifier(s, m.Config).Forward(x, builders.DropPath{})}
	})
}

// outputs implements exported: the logits, and the probabilities that they make.
func (m *Classifier) outputs(ctx context.Context, size imageSize) (map[string][]float64, error) {
	g, _, err := m.trainingGraph(size)
	if err != nil {
		return nil, err
	}
	out, err := evaluate(ctx, g, size, m.Architecture())
	if err != nil {
		return nil, err
	}
	logits := out[builders.ClassifierLogits].Float64s()
	return map[string][]float64{builders.ClassifierLogits: logits, builders.ClassifierProbabilities: softmax(logits)}, nil
}

// softmax are probabilities in proportion to the exponentials of logits.
func softmax(logits []float64) []float64 {
	highest, sum := slices.Max(logits), 0.0
	out := make([]float64, len(logits))
	for i, v := range logits {
		out[i] = math.Exp(v - highest)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
