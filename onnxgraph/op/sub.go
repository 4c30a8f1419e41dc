package op

import "pmx/onnxgraph"

// Sub returns a - b with broadcasting. dA = dC, dB = -dC.
// https://onnx.ai/onnx/operators/onnx__Sub.html
func Sub(a, b *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Sub", nil, a, b) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Sub", SinceVersion: 14, Inputs: []string{"A", "B"}, Outputs: []string{"C"},
	Infer: numeric(broadcastType),
	Grad: onnxgraph.Differentiable(func(_ *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{dy[0], Neg(dy[0])}
	}),
	Eval: arithmetic(func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b }),
})
