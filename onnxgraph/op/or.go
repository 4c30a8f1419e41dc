package op

import "pmx/onnxgraph"

// Or returns whether one holds, of two bools with broadcasting. Nothing flows back.
// https://onnx.ai/onnx/operators/onnx__Or.html
func Or(a, b *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Or", nil, a, b) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Or", SinceVersion: 7, Inputs: []string{"A", "B"}, Outputs: []string{"C"},
	Infer: boolOnly(broadcastType),
	Grad:  onnxgraph.ZeroGradient("bool carries no gradient"),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return alone(broadcastMap(in[0], in[1], func(a, b bool) bool { return a || b }))
	},
})
