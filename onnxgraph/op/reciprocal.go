package op

import "pmx/onnxgraph"

// Reciprocal returns y = 1/x, element by element. dx = -dy ⊙ y².
// https://onnx.ai/onnx/operators/onnx__Reciprocal.html
func Reciprocal(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Reciprocal", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Reciprocal", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		y := n.Outputs[0]
		return []*onnxgraph.Value{Neg(Mul(dy[0], Mul(y, y)))}
	}),
	Eval: mapUnary(func(x float64) float64 { return 1 / x }),
})
