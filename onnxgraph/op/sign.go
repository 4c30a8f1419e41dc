package op

import "pmx/onnxgraph"

// Sign returns -1, 0 or 1, element by element. Nothing flows back.
// https://onnx.ai/onnx/operators/onnx__Sign.html
func Sign(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Sign", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Sign", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: numeric(sameType),
	Grad:  onnxgraph.ZeroGradient("it is constant beside the step at 0"),
	Eval: mapUnary(func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x // 0 or NaN
	}),
})
