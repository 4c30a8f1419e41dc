package op

import (
	"math"

	"pmx/onnxgraph"
)

// Ceil returns the smallest whole number from x on, element by element. Nothing
// flows back.
// https://onnx.ai/onnx/operators/onnx__Ceil.html
func Ceil(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Ceil", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Ceil", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: floatOnly(sameType),
	Grad:  onnxgraph.ZeroGradient("it is constant between its steps"),
	Eval:  mapUnary(math.Ceil),
})
