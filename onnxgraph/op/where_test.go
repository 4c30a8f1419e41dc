package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Where",
	gradcheck.Case{Name: "all broadcast", Shapes: [][]int{{2, 1}, {4}}, Epsilon: 1,
		Fn: gradcheck.Binary(func(a, b *onnxgraph.Value) *onnxgraph.Value {
			zero := constant(a, []int{2, 4}, 1, -1, 1, -1, -1, -1, 1, 1)
			return op.Where(op.Greater(zero, op.Scalar(a, 0)), a, b)
		})},
	gradcheck.Case{Name: "condition is the smallest", Shapes: [][]int{{2, 3}, {2, 3}}, Epsilon: 1,
		Fn: gradcheck.Binary(func(a, b *onnxgraph.Value) *onnxgraph.Value {
			return op.Where(op.Greater(constant(a, []int{2, 1}, 1, -1), op.Scalar(a, 0)), a, b)
		})},
)
