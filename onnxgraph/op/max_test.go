package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Max",
	gradcheck.Case{Name: "one", Fn: variadic(op.Max), Shapes: [][]int{{2, 3}}},
	gradcheck.Case{Name: "three that broadcast", Fn: variadic(op.Max), Shapes: [][]int{{2, 1, 4}, {3, 1}, {}}},
	// At a tie of two the central difference sees half the slope of each.
	gradcheck.Case{Name: "tie", Fn: variadic(op.Max), Shapes: [][]int{{3}, {3}}, Inputs: [][]float64{{1, 0, -1}, {1, 0, 2}}},
)
