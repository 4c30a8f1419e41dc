package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Slice",
	gradcheck.Case{Name: "one axis", Shapes: [][]int{{2, 5, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Slice(x, 1, 1, 3) })},
	gradcheck.Case{Name: "to the end", Shapes: [][]int{{2, 5, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Slice(x, -2, 1, op.ToEnd) })},
	gradcheck.Case{Name: "whole", Shapes: [][]int{{2, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Slice(x, 0, 0, 2) })},
	gradcheck.Case{Name: "steps", Shapes: [][]int{{5, 4, 6}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.SliceN(x, []int{0, 1, 2}, []int{3, -3, 1}, []int{-7, 4, 6}, []int{-2, 1, 3})
		})},
	gradcheck.Case{Name: "empty", Shapes: [][]int{{2, 3}}, Epsilon: 1, OnlyEval: "its Go binding takes no empty tensors",
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Slice(x, 1, 2, 2) })},
)
