package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Transpose",
	gradcheck.Case{Name: "reversed", Shapes: [][]int{{2, 3, 4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Transpose(x) })},
	gradcheck.Case{Name: "rotated", Shapes: [][]int{{2, 3, 4, 5}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Transpose(x, 1, 3, 0, 2) })},
)
