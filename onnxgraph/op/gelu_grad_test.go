package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("com.microsoft.GeluGrad",
	gradcheck.Case{Name: "2x3", Fn: gradcheck.Binary(op.GeluGrad), Shapes: [][]int{{2, 3}, {2, 3}}},
	gradcheck.Case{Name: "points", Fn: gradcheck.Binary(op.GeluGrad), Shapes: [][]int{{5}, {5}},
		Inputs: [][]float64{{1, 2, 3, 4, 5}, {-40, -1, 0, 1, 40}}},
)
