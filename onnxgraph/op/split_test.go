package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Split",
	gradcheck.Case{Name: "uneven", Shapes: [][]int{{2, 6, 3}}, Epsilon: 1,
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value { return op.Split(x[0], 1, 1, 3, 2) }},
	gradcheck.Case{Name: "one part unused", Shapes: [][]int{{4, 3}}, Epsilon: 1,
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value { return op.Split(x[0], 0, 1, 1, 2)[1:] }},
)
