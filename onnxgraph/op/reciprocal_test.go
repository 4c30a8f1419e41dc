package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Reciprocal", unaryCases(op.Reciprocal, awayFromZero, -2, 0.5, 1e3)...)
