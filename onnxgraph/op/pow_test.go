package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Pow", append(binaryCases(op.Pow, positive, 0),
	gradcheck.Case{Name: "constant exponents, any base", Shapes: [][]int{{6}},
		Inputs: [][]float64{{-1.5, 0, 0, 2, 0, 3}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Pow(x, constant(x, []int{6}, 2, 2, 0, 0, 1, -1))
		})},
	gradcheck.Case{Name: "integer exponent", Shapes: [][]int{{3}}, Inputs: [][]float64{{-2, 0, 1}},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Pow(x, x.Graph().Const(onnxgraph.ScalarTensor(int64(3))))
		})},
	gradcheck.Case{Name: "exponent over a base of 0", Shapes: [][]int{{2}, {2}}, Inputs: [][]float64{{0, 2}, {3, 3}},
		Fn: gradcheck.Binary(op.Pow)},
)...)
