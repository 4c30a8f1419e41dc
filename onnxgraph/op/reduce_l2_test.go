package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("ReduceL2", reductionCases(op.ReduceL2)...)

// TestReduceL2OfZeros: the length of a row of zeros is 0, and so is its gradient; a
// row beside it has dx = dy ⊙ x / y.
func TestReduceL2OfZeros(t *testing.T) {
	for _, keep := range []bool{false, true} {
		out := evaluate(t, func(x []*onnxgraph.Value) []*onnxgraph.Value {
			y := op.ReduceL2(x[0], keep, 1)
			dx := autodiff.Pullback([]*onnxgraph.Value{y}, []*onnxgraph.Value{op.Fill(y, 10, y.Shape...)}, x)
			return []*onnxgraph.Value{op.Reshape(y, -1), dx[0]}
		}, tensor([]int{3, 2}, 0.0, 0, 3, -4, 0, 5))
		same(t, "y", out[0], row(0.0, 5, 5))
		same(t, "dx", out[1], tensor([]int{3, 2}, 0.0, 0, 6, -8, 0, 10))
	}
}
