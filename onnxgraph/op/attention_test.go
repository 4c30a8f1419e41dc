package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func attention(heads int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
		y, _ := op.Attention(x, heads)
		return y
	})
}

var _ = gradcheck.Add("pmx.Attention",
	gradcheck.Case{Name: "1head", Fn: attention(1), Shapes: [][]int{{2, 3, 12}}},
	gradcheck.Case{Name: "3heads", Fn: attention(3), Shapes: [][]int{{2, 5, 18}}},
	gradcheck.Case{Name: "oneToken", Fn: attention(2), Shapes: [][]int{{3, 1, 12}}},
)
