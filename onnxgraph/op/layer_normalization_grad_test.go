package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("com.microsoft.LayerNormalizationGrad",
	gradcheck.Case{Name: "2x3x4", Shapes: [][]int{{2, 3, 4}, {2, 3, 4}, {4}, {2, 3, 1}, {2, 3, 1}}, Draw: positive,
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
			dx, dscale, dbias := op.LayerNormalizationGrad(x[0], x[1], x[2], x[3], x[4])
			return []*onnxgraph.Value{dx, dscale, dbias}
		}},
)
