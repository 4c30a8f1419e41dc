package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestEMA: after k steps towards the same x, mᵏ of the beginning is left.
func TestEMA(t *testing.T) {
	const momentum, steps = 0.9, 7
	x, average := row(1.0, -4, 0), row(3.0, 3, 3)
	for range steps {
		average = evaluate(t, func(v []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.EMA(v[0], v[1], v[2])}
		}, average, x, row(momentum))[0]
	}
	left := math.Pow(momentum, steps)
	same(t, "the average", average, row(1+left*(3-1), -4+left*(3+4), left*3))
}
