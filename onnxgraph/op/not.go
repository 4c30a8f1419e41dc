package op

import "pmx/onnxgraph"

// Not returns the negation of a bool, element by element. Nothing flows back.
// https://onnx.ai/onnx/operators/onnx__Not.html
func Not(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Not", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Not", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: boolOnly(sameType),
	Grad:  onnxgraph.ZeroGradient("bool carries no gradient"),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		y := mapSlice(onnxgraph.Data[bool](in[0]), func(x bool) bool { return !x })
		return one(onnxgraph.NewTensor(in[0].Shape(), y))
	},
})
