package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("ReduceMin", append(reductionCases(op.ReduceMin),
	// At a tie of two the central difference sees half the slope of each.
	gradcheck.Case{Name: "tie", Fn: reduction(op.ReduceMin, false, 0), Shapes: [][]int{{4, 1}}, Inputs: [][]float64{{3, 3, -2, -2}}},
)...)
