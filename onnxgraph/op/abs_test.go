package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Abs", unaryCases(op.Abs, awayFromZero, -1, 0, 1)...)
