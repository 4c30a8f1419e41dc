package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("TopK",
	gradcheck.Case{Name: "middle axis", Shapes: [][]int{{2, 5, 3}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			values, _ := op.TopK(x, 2, 1)
			return values
		})},
)
