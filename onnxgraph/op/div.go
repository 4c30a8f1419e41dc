package op

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// Div returns c = a / b with broadcasting; integers truncate towards zero.
// dA = dC / B, dB = -(dC / B) ⊙ C.
// https://onnx.ai/onnx/operators/onnx__Div.html
func Div(a, b *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Div", nil, a, b) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Div", SinceVersion: 14, Inputs: []string{"A", "B"}, Outputs: []string{"C"},
	Infer: numeric(broadcastType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		da := Div(dy[0], n.Inputs[1])
		return []*onnxgraph.Value{da, Neg(Mul(da, n.Outputs[0]))}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		if in[1].DType() != onnxgraph.Float64 && slices.Contains(in[1].Float64s(), 0) {
			return nil, fmt.Errorf("integer division by zero")
		}
		return alone(pairwise(in[0], in[1], func(a, b float64) float64 { return a / b }, func(a, b int64) int64 { return a / b }))
	},
})
