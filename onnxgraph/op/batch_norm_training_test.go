package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func batchNormTraining(x []*onnxgraph.Value) []*onnxgraph.Value {
	return []*onnxgraph.Value{op.BatchNormTraining(x[0], x[1], x[2], 1e-5)}
}

var _ = gradcheck.Add("pmx.BatchNormTraining",
	gradcheck.Case{Name: "5x3", Fn: batchNormTraining, Shapes: [][]int{{5, 3}, {3}, {3}}},
	gradcheck.Case{Name: "2x4", Fn: batchNormTraining, Shapes: [][]int{{2, 4}, {4}, {4}}, Tolerance: 1e-5}, // two rows: x̂ is nearly ±1, so f is steep where they are close
)
