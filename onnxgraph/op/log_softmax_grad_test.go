package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("com.microsoft.LogSoftmaxGrad_13",
	gradcheck.Case{Name: "2x3x4", Fn: gradcheck.Binary(op.LogSoftmaxGrad), Shapes: [][]int{{2, 3, 4}, {2, 3, 4}}},
)
