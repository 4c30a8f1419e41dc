package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("LayerNormalization",
	gradcheck.Case{Name: "2x3x5", Shapes: [][]int{{2, 3, 5}, {5}, {5}}, Fn: normalise(1e-6)},
	gradcheck.Case{Name: "vector", Shapes: [][]int{{5}, {5}, {5}}, Fn: normalise(1e-6)},
	gradcheck.Case{Name: "no bias", Shapes: [][]int{{3, 5}, {5}}, Fn: normalise(1e-6)},
	// A constant row has no variance: the epsilon alone keeps the slope finite.
	gradcheck.Case{Name: "constant row", Shapes: [][]int{{1, 3}, {3}, {3}}, Fn: normalise(0.1),
		Inputs: [][]float64{{2, 2, 2}, {1, -1, 0.5}, {0, 0, 0}}},
)

// normalise applies LayerNormalization to x, scale and maybe bias.
func normalise(epsilon float64) func(x []*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value {
		y, _, _ := op.LayerNormalization(x[0], x[1], append(x, nil)[2], epsilon)
		return []*onnxgraph.Value{y}
	}
}
