package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestArgMax(t *testing.T) {
	x := tensor([]int{2, 2, 2}, // ties in the second row of each matrix
		2.0, 1, 3, 3,
		-5, -4, 0, 0)
	for _, c := range []struct {
		name string
		f    func(x *onnxgraph.Value) *onnxgraph.Value
		want *onnxgraph.Tensor
	}{
		{"rows", func(x *onnxgraph.Value) *onnxgraph.Value { return op.ArgMax(x, 2, false) }, tensor[int64]([]int{2, 2}, 0, 0, 1, 0)},
		{"rows from the end", func(x *onnxgraph.Value) *onnxgraph.Value { return op.ArgMax(x, -1, false) }, tensor[int64]([]int{2, 2}, 0, 0, 1, 0)},
		{"columns kept", func(x *onnxgraph.Value) *onnxgraph.Value { return op.ArgMax(x, 1, true) }, tensor[int64]([]int{2, 1, 2}, 1, 1, 1, 1)},
		{"matrices", func(x *onnxgraph.Value) *onnxgraph.Value { return op.ArgMax(x, 0, false) }, tensor[int64]([]int{2, 2}, 0, 0, 0, 0)},
		{"last of equals", func(x *onnxgraph.Value) *onnxgraph.Value {
			return onnxgraph.Apply("ArgMax", onnxgraph.Attributes{"axis": int64(2), "keepdims": int64(0), "select_last_index": int64(1)}, x)
		}, tensor[int64]([]int{2, 2}, 0, 1, 1, 1)},
	} {
		same(t, c.name, evaluate(t, gradcheck.Unary(c.f), x)[0], c.want)
	}
}
