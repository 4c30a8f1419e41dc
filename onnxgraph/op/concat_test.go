package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Concat",
	gradcheck.Case{Name: "three", Shapes: [][]int{{2, 1, 4}, {2, 3, 4}, {2, 2, 4}}, Epsilon: 1,
		Fn: variadic(func(xs ...*onnxgraph.Value) *onnxgraph.Value { return op.Concat(-2, xs...) })},
	gradcheck.Case{Name: "one", Shapes: [][]int{{2, 3}}, Epsilon: 1,
		Fn: variadic(func(xs ...*onnxgraph.Value) *onnxgraph.Value { return op.Concat(0, xs...) })},
)
