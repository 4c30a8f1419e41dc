package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("GatherElements",
	gradcheck.Case{Name: "rows with repeats", Shapes: [][]int{{3, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.GatherElements(x, integers(x, []int{2, 3}, 1, 2, 0, 2, 2, -3), 0)
		})},
)
