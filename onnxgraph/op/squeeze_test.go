package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Squeeze",
	gradcheck.Case{Name: "listed", Shapes: [][]int{{2, 1, 3, 1}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Squeeze(x, -1) })},
	gradcheck.Case{Name: "all", Shapes: [][]int{{2, 1, 3, 1}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Squeeze(x) })},
)
