package op_test

import (
	"testing"

	"pmx/onnxgraph/gradcheck"
)

var _ = gradcheck.Add("pmx.LinearGradWeight",
	gradcheck.Case{Name: "5x4", Fn: applied("pmx.LinearGradWeight"), Shapes: [][]int{{5, 4}, {5, 3}}, Epsilon: 1})

func TestLinearGradWeight(t *testing.T) {
	out := evaluate(t, applied("pmx.LinearGradWeight"), tensor([]int{2, 2}, 1.0, 2, 3, -4), tensor([]int{2, 1}, 10.0, 100))
	same(t, "dYᵀ X", out[0], tensor([]int{2, 1}, 310.0, -380))
	same(t, "the sums of dY's columns", out[1], row(4.0, -2))
}
