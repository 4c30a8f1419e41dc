package op

import "pmx/onnxgraph"

// StopGradient returns x and lets no cotangent through: the sg(·) of
// contrastive losses, as around a momentum encoder's keys.
func StopGradient(x *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("pmx.StopGradient", nil, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "StopGradient", Domain: onnxgraph.DomainPMX, SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: sameType,
	Grad:  onnxgraph.ZeroGradient("that is its purpose"),
	Eval:  func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) { return one(in[0]) },
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Identity(in[0])}
	},
})
