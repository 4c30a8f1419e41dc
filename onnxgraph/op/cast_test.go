package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Cast",
	gradcheck.Case{Name: "to float", Shapes: [][]int{{2, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Cast(x, onnxgraph.Float32) })},
	gradcheck.Case{Name: "through integers nothing flows", Shapes: [][]int{{2}}, Inputs: [][]float64{{1.5, -2.25}}, Fixed: []int{0},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Cast(op.Cast(x, onnxgraph.Int64), onnxgraph.Float64)
		})},
)
