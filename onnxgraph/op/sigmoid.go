package op

import (
	"math"

	"pmx/onnxgraph"
)

// Sigmoid returns y = 1 / (1 + e⁻ˣ), element by element. dx = dy ⊙ y ⊙ (1 - y).
// https://onnx.ai/onnx/operators/onnx__Sigmoid.html
func Sigmoid(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Sigmoid", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Sigmoid", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		y := n.Outputs[0]
		return []*onnxgraph.Value{Mul(dy[0], Mul(y, Sub(Scalar(y, 1), y)))}
	}),
	Eval: mapUnary(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }),
})
