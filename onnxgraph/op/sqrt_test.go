package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Sqrt", unaryCases(op.Sqrt, positive, 1e-2, 1, 100)...)
