package op

import (
	"math"

	"pmx/onnxgraph"
)

// Abs returns y = |x|, element by element. dx = dy ⊙ sign x, which is 0 at 0.
// https://onnx.ai/onnx/operators/onnx__Abs.html
func Abs(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Abs", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Abs", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: numeric(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Mul(dy[0], Sign(n.Inputs[0]))}
	}),
	Eval: mapUnary(math.Abs),
})
