package op

import (
	"math"

	"pmx/onnxgraph"
)

// Softplus returns y = ln(1 + eˣ), element by element, without overflow. The binary
// cross-entropy of a logit x and a target t is Softplus(x) - t·x.
// dx = dy ⊙ sigmoid(x).
// https://onnx.ai/onnx/operators/onnx__Softplus.html
func Softplus(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Softplus", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Softplus", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Mul(dy[0], Sigmoid(n.Inputs[0]))}
	}),
	Eval: mapUnary(func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }),
})
