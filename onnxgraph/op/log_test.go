package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Log", unaryCases(op.Log, positive, 1e-2, 1, 1e3)...)
