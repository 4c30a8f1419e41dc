package op

import "pmx/onnxgraph"

// GreaterOrEqual returns a ≥ b with broadcasting, of type bool. Nothing flows back.
// https://onnx.ai/onnx/operators/onnx__GreaterOrEqual.html
func GreaterOrEqual(a, b *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("GreaterOrEqual", nil, a, b)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "GreaterOrEqual", SinceVersion: 16, Inputs: []string{"A", "B"}, Outputs: []string{"C"},
	Infer: numeric(broadcastBool),
	Grad:  onnxgraph.ZeroGradient("a comparison is constant almost everywhere"),
	Eval:  comparison(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }),
})
