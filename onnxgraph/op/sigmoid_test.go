package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Sigmoid", unaryCases(op.Sigmoid, nil, -1000, -1, 0, 1, 1000)...)
