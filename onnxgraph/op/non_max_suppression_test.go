package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestNonMaxSuppression holds what ONNX's cases do not: an overlap of exactly the
// threshold stays, empty boxes suppress nothing, the first of equal scores wins, and
// scores of -∞ are left out by any threshold.
func TestNonMaxSuppression(t *testing.T) {
	inf := float32(math.Inf(1))
	boxes := onnxgraph.NewTensor([]int{1, 6, 4}, []float32{
		0, 0, 2, 2, // half of it is box 1
		0, 0, 1, 2,
		5, 5, 5, 9, // empty, twice
		5, 5, 5, 9,
		0, 0, 2, 1.9, // most of box 0
		7, 7, 8, 8,
	})
	scores := onnxgraph.NewTensor([]int{1, 1, 6}, []float32{.9, .9, .5, .4, .8, -inf})
	f := func(limit int) func(x []*onnxgraph.Value) []*onnxgraph.Value {
		return func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.NonMaxSuppression(x[0], x[1], limit, 0.5, -1e30)}
		}
	}
	all := evaluate(t, f(10), boxes, scores)[0]
	same(t, "all", all, tensor([]int{4, 3}, int64(0), 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3))
	same(t, "the first three", evaluate(t, f(3), boxes, scores)[0], tensor([]int{3, 3}, int64(0), 0, 0, 0, 0, 1, 0, 0, 2))
	same(t, "none", evaluate(t, f(0), boxes, scores)[0], tensor[int64]([]int{0, 3}))
}
