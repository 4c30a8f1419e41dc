package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Clip",
	gradcheck.Case{Name: "both limits", Shapes: [][]int{{5}, {}, {}}, Fixed: []int{1, 2},
		Inputs: [][]float64{{-3, -0.5, 0, 0.5, 3}, {-1}, {2}},
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.Clip(x[0], x[1], x[2])}
		}},
	gradcheck.Case{Name: "upper limit only", Shapes: [][]int{{4}}, Inputs: [][]float64{{-3, 0.5, 2, 9}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Clip(x, nil, op.Scalar(x, 1)) })},
	gradcheck.Case{Name: "no limit", Shapes: [][]int{{4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Clip(x, nil, nil) })},
)
