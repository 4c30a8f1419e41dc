package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func scatterNDCase(name string, reduction string, shape, indices, updates []int, at ...int64) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: [][]int{shape, updates}, Epsilon: 1,
		Fn: gradcheck.Binary(func(x, updates *onnxgraph.Value) *onnxgraph.Value {
			return op.ScatterND(x, integers(x, indices, at...), updates, reduction)
		})}
}

var _ = gradcheck.Add("ScatterND",
	scatterNDCase("overwrite elements", "none", []int{3, 4}, []int{2, 2}, []int{2}, 2, 1, 0, -1),
	scatterNDCase("overwrite rows", "none", []int{3, 4}, []int{2, 1}, []int{2, 4}, 2, 0),
	scatterNDCase("add with repeats", "add", []int{3, 4}, []int{3, 1}, []int{3, 4}, 2, 0, 2),
	scatterNDCase("add to planes", "add", []int{2, 3, 2}, []int{2, 2, 1}, []int{2, 2, 3, 2}, 1, 0, -1, 1),
)
