package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func attention(f func(*onnxgraph.Value, int) *onnxgraph.Value, heads int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return f(x, heads) })
}

var (
	_ = gradcheck.Add("pmx.Attention",
		gradcheck.Case{Name: "1head", Fn: attention(op.Attention, 1), Shapes: [][]int{{2, 3, 12}}},
		gradcheck.Case{Name: "3heads", Fn: attention(op.Attention, 3), Shapes: [][]int{{2, 5, 18}}},
		gradcheck.Case{Name: "oneToken", Fn: attention(op.Attention, 2), Shapes: [][]int{{3, 1, 12}}},
	)
	_ = gradcheck.Add("pmx.ClassAttention",
		gradcheck.Case{Name: "2heads", Fn: attention(op.ClassAttention, 2), Shapes: [][]int{{2, 4, 12}}},
		gradcheck.Case{Name: "oneToken", Fn: attention(op.ClassAttention, 1), Shapes: [][]int{{3, 1, 12}}},
	)
)
