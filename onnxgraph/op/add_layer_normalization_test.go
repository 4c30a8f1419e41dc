package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// addLayerNormalization gives the outputs that keep says: the sum, the norm.
func addLayerNormalization(keep ...int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value {
		sum, y := op.AddLayerNormalization(x[0], x[1], x[2], x[3], 1e-6)
		var out []*onnxgraph.Value
		for _, k := range keep {
			out = append(out, []*onnxgraph.Value{sum, y}[k])
		}
		return out
	}
}

var (
	_ = gradcheck.Add("pmx.AddLayerNormalization",
		gradcheck.Case{Name: "both", Fn: addLayerNormalization(0, 1), Shapes: [][]int{{2, 3, 4}, {2, 3, 4}, {4}, {4}}},
		gradcheck.Case{Name: "norm", Fn: addLayerNormalization(1), Shapes: [][]int{{5, 4}, {5, 4}, {4}, {4}}},
		gradcheck.Case{Name: "sum", Fn: addLayerNormalization(0), Shapes: [][]int{{5, 4}, {5, 4}, {4}, {4}}},
	)
	_ = gradcheck.Add("pmx.AddLayerNormalizationGrad",
		gradcheck.Case{Name: "2x3x4", Fn: applied("pmx.AddLayerNormalizationGrad"), Draw: positive,
			Shapes: [][]int{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}, {4}, {2, 3, 1}, {2, 3, 1}}},
	)
)
