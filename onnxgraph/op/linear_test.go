package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func linear(x []*onnxgraph.Value) []*onnxgraph.Value {
	return []*onnxgraph.Value{op.Linear(x[0], x[1], x[2])}
}

var _ = gradcheck.Add("pmx.Linear",
	gradcheck.Case{Name: "bias", Fn: linear, Shapes: [][]int{{5, 3}, {4, 3}, {4}}, Epsilon: 1},
	gradcheck.Case{Name: "oneRow", Fn: linear, Shapes: [][]int{{1, 7}, {2, 7}, {2}}, Epsilon: 1},
)

func TestLinear(t *testing.T) {
	out := evaluate(t, linear, tensor([]int{2, 3}, 1.0, 2, 3, 4, 5, 6), tensor([]int{2, 3}, 1.0, 0, -1, 2, 2, 2), row(10.0, 20))
	same(t, "x wᵀ + b", out[0], tensor([]int{2, 2}, 8.0, 32, 8, 50))
}
