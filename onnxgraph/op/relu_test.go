package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Relu", unaryCases(op.Relu, awayFromZero, -2, -1e-3, 1e-3, 2)...)
