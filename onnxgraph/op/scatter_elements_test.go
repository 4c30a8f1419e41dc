package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("ScatterElements",
	gradcheck.Case{Name: "overwrite", Shapes: [][]int{{3, 4}, {2, 2}}, Epsilon: 1,
		Fn: gradcheck.Binary(func(x, updates *onnxgraph.Value) *onnxgraph.Value {
			return op.ScatterElements(x, integers(x, []int{2, 2}, 3, 0, 1, -1), updates, 1, "none")
		})},
	gradcheck.Case{Name: "add with repeats", Shapes: [][]int{{3, 4}, {2, 2}}, Epsilon: 1,
		Fn: gradcheck.Binary(func(x, updates *onnxgraph.Value) *onnxgraph.Value {
			return op.ScatterElements(x, integers(x, []int{2, 2}, 2, 2, 1, -1), updates, 1, "add")
		})},
)
