package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// ClassifierProperty is the metadata property of an exported classifier that holds
// ClassifierInfo as JSON.
const ClassifierProperty = "pmx.classifier"

// Names of an exported classifier's outputs. Its input is EncoderInput.
const (
	ClassifierProbabilities = "probabilities" // float [N classes], rows sum to 1
	ClassifierLogits        = "logits"        // float [N classes]
)

// ClassifierInfo is what a user of a classifier must know beside its graph.
type ClassifierInfo struct {
	ArchitectureInfo
	Pool          string        `json:"global_pool"`
	NumClasses    int           `json:"num_classes"`
	Classes       []string      `json:"classes"` // names in the order of the outputs, empty if there are none
	Preprocessing Preprocessing `json:"preprocessing"`
}

// Preprocessing is what an image goes through before it is normalised: its shorter side
// is scaled to Resize pixels, then the centred Crop x Crop pixels are cut out.
type Preprocessing struct {
	Resize        int    `json:"resize"`
	Crop          int    `json:"crop"`
	Interpolation string `json:"interpolation"` // as Pillow names it
}

// NewClassifierInfo describes a classifier. classes may be nil.
func NewClassifierInfo(c ClassifierConfig, classes []string, p Preprocessing) ClassifierInfo {
	return ClassifierInfo{Architecture(c.ViTConfig), c.Pool, c.Classes, append([]string{}, classes...), p}
}

// ExportClassifier writes a trained classifier as a model for inference, of standard
// operators only. weights holds its parameters under timm's names. classes may be nil.
func ExportClassifier(c ClassifierConfig, weights map[string]*onnxgraph.Tensor, classes []string, p Preprocessing, o EncoderOptions) (*onnxgraph.Model, error) {
	return InferenceModel("classifier", weights, ClassifierProperty, NewClassifierInfo(c, classes, p), func(g *onnxgraph.Graph, s Scope) {
		m := NewClassifier(s, c)
		logits := m.Forward(encoderInput(g, c.ViTConfig, o), DropPath{})
		g.Output(ClassifierProbabilities, op.Softmax(logits, -1)).NameDims("batch", "")
		g.Output(ClassifierLogits, logits).NameDims("batch", "")
	})
}
