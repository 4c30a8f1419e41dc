package op

import (
	"math"

	"pmx/onnxgraph"
)

// Sqrt returns y = √x, element by element; NaN where x < 0. dx = dy / 2y, which
// is infinite at 0.
// https://onnx.ai/onnx/operators/onnx__Sqrt.html
func Sqrt(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Sqrt", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Sqrt", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Div(Mul(dy[0], Scalar(dy[0], 0.5)), n.Outputs[0])}
	}),
	Eval: mapUnary(math.Sqrt),
})
