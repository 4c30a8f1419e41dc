package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Reshape",
	gradcheck.Case{Name: "copied and inferred", Shapes: [][]int{{2, 3, 4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Reshape(x, 0, 2, -1) })},
)
