package op_test

import (
	"fmt"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// TestShape takes parts of a shape as numpy's x.shape[start:end] does.
func TestShape(t *testing.T) {
	x := random(1, 3, 4, 5)
	same(t, "Shape", evaluate(t, gradcheck.Unary(op.Shape), x)[0], row[int64](3, 4, 5))
	same(t, "Shape of a scalar", evaluate(t, gradcheck.Unary(op.Shape), tensor(nil, 1.0))[0], row[int64]())
	for _, c := range []struct {
		start, end int
		want       []int64
	}{
		{0, 3, []int64{3, 4, 5}}, {1, 2, []int64{4}}, {-1, 3, []int64{5}}, {0, -1, []int64{3, 4}},
		{-10, 10, []int64{3, 4, 5}}, {2, 1, nil},
	} {
		f := func(x *onnxgraph.Value) *onnxgraph.Value { return op.ShapeOf(x, c.start, c.end) }
		same(t, fmt.Sprint("from ", c.start, " to ", c.end), evaluate(t, gradcheck.Unary(f), x)[0], row(c.want...))
	}
}
