package op_test

import (
	"testing"

	"pmx/onnxgraph/gradcheck"
)

var _ = gradcheck.Add("pmx.LinearGradInput",
	gradcheck.Case{Name: "5x4", Fn: applied("pmx.LinearGradInput"), Shapes: [][]int{{5, 4}, {4, 3}}, Epsilon: 1})

func TestLinearGradInput(t *testing.T) {
	out := evaluate(t, applied("pmx.LinearGradInput"), tensor([]int{1, 2}, 1.0, -1), tensor([]int{2, 3}, 1.0, 2, 3, 10, 20, 40))
	same(t, "dY W", out[0], tensor([]int{1, 3}, -9.0, -18, -37))
}
