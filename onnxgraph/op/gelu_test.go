package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("com.microsoft.Gelu", unaryCases(op.Gelu, nil, -40, -1, 0, 1, 40)...)
