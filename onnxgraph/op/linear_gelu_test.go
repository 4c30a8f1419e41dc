package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("pmx.LinearGelu",
	gradcheck.Case{Name: "5x3", Shapes: [][]int{{5, 3}, {4, 3}, {4}}, Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
		y, _ := op.LinearGelu(x[0], x[1], x[2])
		return []*onnxgraph.Value{y}
	}})

// TestLinearGelu: rows of the unit matrix pick the weights, to which the bias is
// added; x Φ(x) of those from a table of the normal distribution.
func TestLinearGelu(t *testing.T) {
	out := evaluate(t, func(x []*onnxgraph.Value) []*onnxgraph.Value {
		y, h := op.LinearGelu(x[0], x[1], x[2])
		return []*onnxgraph.Value{y, h}
	}, tensor([]int{2, 2}, 1.0, 0, 0, 1), tensor([]int{2, 2}, 0.5, -1.5, 3, -1), row(0.5, -1))
	same(t, "h", out[1], tensor([]int{2, 2}, 1.0, 2, -1, -2))
	same(t, "gelu(h)", out[0], tensor([]int{2, 2}, 0.8413447460685429, 1.9544997361036416, -0.15865525393145705, -0.04550026389635842))
}
