package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func poolCase(name string, shape, kernel []int, c op.ConvAttrs) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: [][]int{shape},
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.MaxPool(x, kernel, c) })}
}

var _ = gradcheck.Add("MaxPool",
	poolCase("halving", []int{2, 3, 4, 6}, []int{2, 2}, op.ConvAttrs{Strides: []int{2, 2}}),
	poolCase("rest", []int{1, 2, 5, 7}, []int{2, 3}, op.ConvAttrs{Strides: []int{2, 3}}),
	poolCase("overlapping windows", []int{1, 2, 5, 5}, []int{3, 3}, op.ConvAttrs{Pads: []int{1, 1, 1, 1}}),
	poolCase("1-D", []int{2, 3, 7}, []int{3}, op.ConvAttrs{Strides: []int{2}, Dilations: []int{2}}),
	poolCase("every other element", []int{1, 2, 4, 5}, []int{1, 1}, op.ConvAttrs{Strides: []int{2, 2}}),
)

// TestMaxPoolTies: as in PyTorch, the first of equal elements gets the gradient.
func TestMaxPoolTies(t *testing.T) {
	f := func(x []*onnxgraph.Value) []*onnxgraph.Value {
		return op.MaxPool(x[0], []int{2, 2}, op.ConvAttrs{Strides: []int{2, 2}}).Producer().Outputs
	}
	x := tensor([]int{1, 1, 2, 4}, 0.0, 3, 5, 5, 3, 3, 5, 5)
	out := evaluate(t, f, x)
	same(t, "Y", out[0], tensor([]int{1, 1, 1, 2}, 3.0, 5))
	same(t, "Indices", out[1], tensor([]int{1, 1, 1, 2}, int64(1), 2))
}
