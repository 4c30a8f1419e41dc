package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Erf", unaryCases(op.Erf, nil, -10, -1, 0, 1, 10)...)
