package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Flatten",
	gradcheck.Case{Name: "at 1", Shapes: [][]int{{2, 3, 4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Flatten(x, 1) })},
	gradcheck.Case{Name: "at -1", Shapes: [][]int{{2, 3, 4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Flatten(x, -1) })},
)
