package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Pad",
	gradcheck.Case{Name: "zeros", Shapes: [][]int{{2, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Pad(x, []int{1, 0, 0, 2}, 0) })},
	gradcheck.Case{Name: "cut and fill", Shapes: [][]int{{4, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Pad(x, []int{-1, 1, 2, -1}, 7) })},
	gradcheck.Case{Name: "nothing flows to the constant", Shapes: [][]int{{2, 3}, {}}, Epsilon: 1, Fixed: []int{1},
		Fn: gradcheck.Binary(func(x, value *onnxgraph.Value) *onnxgraph.Value {
			return onnxgraph.Apply("Pad", nil, x, integers(x, []int{4}, 1, 0, 0, 2), value)
		})},
)
