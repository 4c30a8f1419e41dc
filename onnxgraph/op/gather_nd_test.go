package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func gatherNDCase(name string, shape, indices []int, batch int, at ...int64) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: [][]int{shape}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.GatherND(x, integers(x, indices, at...), batch)
		})}
}

var _ = gradcheck.Add("GatherND",
	gatherNDCase("elements, one of them twice", []int{3, 4}, []int{3, 2}, 0, 2, 1, 0, -1, 2, 1),
	gatherNDCase("rows", []int{3, 4}, []int{2, 1}, 0, 2, 0),
	gatherNDCase("rows of each image", []int{2, 3, 4}, []int{2, 2, 1}, 1, 2, 0, 1, 1),
	gatherNDCase("elements of each image", []int{2, 3, 4}, []int{2, 2}, 1, 2, 3, 0, -1),
	gatherNDCase("two batch dimensions", []int{2, 2, 3, 2}, []int{2, 2, 1}, 2, 2, 0, 1, -2),
	gatherNDCase("one element", []int{4}, []int{1}, 0, 2),
)
