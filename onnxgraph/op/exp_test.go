package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Exp", unaryCases(op.Exp, nil, -700, -2, 0, 2)...)
