package op

import (
	"math"

	"pmx/onnxgraph"
)

// Erf returns the error function of x, element by element.
// dx = dy ⊙ 2/√π · e^(-x²).
// https://onnx.ai/onnx/operators/onnx__Erf.html
func Erf(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Erf", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Erf", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: numeric(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		x := n.Inputs[0]
		slope := Mul(Exp(Neg(Mul(x, x))), Scalar(x, 2/math.Sqrt(math.Pi)))
		return []*onnxgraph.Value{Mul(dy[0], slope)}
	}),
	Eval: mapUnary(math.Erf),
})
