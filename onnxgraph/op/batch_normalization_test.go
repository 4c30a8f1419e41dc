package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// batchNormalized applies the operator to x, scale, bias, mean and variance.
func batchNormalized(x []*onnxgraph.Value) []*onnxgraph.Value {
	return []*onnxgraph.Value{op.BatchNormalization(x[0], x[1], x[2], x[3], x[4], 1e-5)}
}

var _ = gradcheck.Add("BatchNormalization",
	gradcheck.Case{Name: "images", Shapes: [][]int{{2, 3, 2, 2}, {3}, {3}, {3}, {3}}, Draw: positive, Fn: batchNormalized},
	gradcheck.Case{Name: "rows", Shapes: [][]int{{4, 3}, {3}, {3}, {3}, {3}}, Draw: positive, Fn: batchNormalized},
	gradcheck.Case{Name: "sequences", Shapes: [][]int{{2, 3, 4}, {3}, {3}, {3}, {3}}, Draw: positive, Fn: batchNormalized},
)
