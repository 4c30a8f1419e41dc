package op

import (
	"math"

	"pmx/onnxgraph"
)

// Min returns the smallest element of any number of operands with broadcasting. Where k
// operands tie, each gets dy / k; the others get 0.
// https://onnx.ai/onnx/operators/onnx__Min.html
func Min(xs ...*onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Min", nil, xs...) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Min", SinceVersion: 13, Inputs: []string{"data_0..."}, Outputs: []string{"min"},
	Infer: numeric(broadcastAll),
	Grad:  onnxgraph.Differentiable(extremeGrad),
	Eval:  foldOperands(math.Min, smallerInt),
})
