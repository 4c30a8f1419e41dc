package op

import (
	"math"

	"pmx/onnxgraph"
)

// Exp returns y = eˣ, element by element. dx = dy ⊙ y.
// https://onnx.ai/onnx/operators/onnx__Exp.html
func Exp(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Exp", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Exp", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Mul(dy[0], n.Outputs[0])}
	}),
	Eval: mapUnary(math.Exp),
})
