package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("ReduceSumSquare", reductionCases(op.ReduceSumSquare)...)
