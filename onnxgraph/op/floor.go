package op

import (
	"math"

	"pmx/onnxgraph"
)

// Floor returns the largest whole number up to x, element by element. Nothing
// flows back.
// https://onnx.ai/onnx/operators/onnx__Floor.html
func Floor(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Floor", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Floor", SinceVersion: 13, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: floatOnly(sameType),
	Grad:  onnxgraph.ZeroGradient("it is constant between its steps"),
	Eval:  mapUnary(math.Floor),
})
