package op_test

import (
	"testing"

	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("pmx.ClassAttention",
	gradcheck.Case{Name: "2heads", Fn: attention(op.ClassAttention, 2), Shapes: [][]int{{2, 4, 12}}},
	gradcheck.Case{Name: "oneToken", Fn: attention(op.ClassAttention, 1), Shapes: [][]int{{3, 1, 12}}},
)

func TestClassAttention(t *testing.T) { checkAttention(t, op.ClassAttention, 1) }
