package op

import "pmx/onnxgraph"

// Mul returns a ⊙ b with broadcasting. dA = dC ⊙ B, dB = dC ⊙ A.
// https://onnx.ai/onnx/operators/onnx__Mul.html
func Mul(a, b *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Mul", nil, a, b) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Mul", SinceVersion: 14, Inputs: []string{"A", "B"}, Outputs: []string{"C"},
	Infer: numeric(broadcastType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Mul(dy[0], n.Inputs[1]), Mul(dy[0], n.Inputs[0])}
	}),
	Eval: arithmetic(func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }),
})
