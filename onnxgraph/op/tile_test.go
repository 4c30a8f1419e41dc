package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Tile",
	gradcheck.Case{Name: "2x1x3", Shapes: [][]int{{2, 3, 2}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Tile(x, 2, 1, 3) })},
	gradcheck.Case{Name: "scalar", Shapes: [][]int{{}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Tile(x) })},
)
