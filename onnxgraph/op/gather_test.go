package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// gatherCase checks Gather at constant indices along the middle axis of [2 4 3].
func gatherCase(name string, shape []int, indices ...int64) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: [][]int{{2, 4, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Gather(x, integers(x, shape, indices...), 1)
		})}
}

var _ = gradcheck.Add("Gather",
	gatherCase("scalar", nil, 2),
	gatherCase("range", []int{2}, 1, 2),
	gatherCase("permutation", []int{4}, 2, 0, 3, 1),
	gatherCase("subset from the end", []int{2}, -1, 0),
	gatherCase("repeats", []int{3}, 1, 1, 3),
	gatherCase("matrix", []int{2, 2}, 3, 0, 2, 1),
	gatherCase("matrix with repeats", []int{2, 2}, 3, 3, 0, 3),
	gradcheck.Case{Name: "computed indices", Shapes: [][]int{{4, 3}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Gather(x, op.Cast(constant(x, []int{3}, 2, 0, 2), onnxgraph.Int64), 0)
		})},
)
