package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Softplus", unaryCases(op.Softplus, nil, -1000, -1, 0, 1, 1000)...)
