package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("LogSoftmax",
	gradcheck.Case{Name: "last axis", Shapes: [][]int{{2, 3, 4}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.LogSoftmax(x, -1) })},
	gradcheck.Case{Name: "first axis", Shapes: [][]int{{4, 3}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.LogSoftmax(x, 0) })},
	gradcheck.Case{Name: "saturated", Shapes: [][]int{{2, 3}}, Inputs: [][]float64{{1e4, 0, -1e4, 1e4, 1e4, 0}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.LogSoftmax(x, 1) })},
)
