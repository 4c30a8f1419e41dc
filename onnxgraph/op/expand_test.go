package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Expand",
	gradcheck.Case{Name: "column", Shapes: [][]int{{3, 1}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Expand(x, 2, 3, 4) })},
	gradcheck.Case{Name: "scalar", Shapes: [][]int{{}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Expand(x, 2, 3) })},
	gradcheck.Case{Name: "shape smaller than x", Shapes: [][]int{{2, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Expand(x, 1) })},
)
