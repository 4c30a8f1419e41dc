package device

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Names of the copying model's input and output, bytes of any number.
const (
	From = "from"
	To   = "to"
)

// Model is the model of a session that copies. A Memory runs it on tensors' bytes, so
// that one model does for all types and shapes.
func Model() (*onnxgraph.Model, error) {
	g, err := onnxgraph.Build("copy", func(g *onnxgraph.Graph) {
		g.Output(To, op.Identity(g.Input(From, onnxgraph.Uint8, onnxgraph.Dynamic)))
	})
	if err != nil {
		return nil, err
	}
	return &onnxgraph.Model{Graph: g}, nil
}
