package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Tanh", unaryCases(op.Tanh, nil, -1000, -1, 0, 1, 1000)...)
