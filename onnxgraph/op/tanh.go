package op

import (
	"math"

	"pmx/onnxgraph"
)

// Tanh returns y = tanh x, element by element. dx = dy ⊙ (1 - y²).
// https://onnx.ai/onnx/operators/onnx__Tanh.html
func Tanh(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Tanh", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Tanh", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		y := n.Outputs[0]
		return []*onnxgraph.Value{Mul(dy[0], Sub(Scalar(y, 1), Mul(y, y)))}
	}),
	Eval: mapUnary(math.Tanh),
})
