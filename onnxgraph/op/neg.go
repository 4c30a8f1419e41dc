package op

import "pmx/onnxgraph"

// Neg returns -x. dx = -dy.
// https://onnx.ai/onnx/operators/onnx__Neg.html
func Neg(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Neg", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Neg", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: numeric(sameType),
	Grad: onnxgraph.Differentiable(func(_ *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Neg(dy[0])}
	}),
	Eval: mapUnary(func(x float64) float64 { return -x }),
})
