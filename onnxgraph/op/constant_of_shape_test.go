package op_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestConstantOfShape(t *testing.T) {
	filled := func(value *onnxgraph.Tensor) func([]*onnxgraph.Value) []*onnxgraph.Value {
		return gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.ConstantOfShape(x, value) })
	}
	same(t, "sevens", evaluate(t, filled(row(7.0)), row[int64](2, 3))[0], tensor([]int{2, 3}, 7.0, 7, 7, 7, 7, 7))
	same(t, "integers", evaluate(t, filled(row[int64](-1)), row[int64](2))[0], row[int64](-1, -1))
	same(t, "zeros by default", evaluate(t, filled(nil), row[int64](1, 2))[0], tensor([]int{1, 2}, 0.0, 0))
	same(t, "a scalar", evaluate(t, filled(row(7.0)), row[int64]())[0], tensor(nil, 7.0))
	same(t, "nothing", evaluate(t, filled(row(7.0)), row[int64](2, 0))[0], tensor[float64]([]int{2, 0}))

	_, err := onnxgraph.Build("two values", func(g *onnxgraph.Graph) {
		if y := op.ConstantOfShape(g.Const(row[int64](2)), nil); y.DType != onnxgraph.Float32 || !y.Shape.Equal([]int{2}) {
			t.Errorf("by default it is %v, want float[2]", y.Type)
		}
		op.ConstantOfShape(g.Input("shape", onnxgraph.Int64, 1), row(1.0, 2))
	})
	if err == nil || !strings.Contains(err.Error(), "the value has 2 elements, want 1") {
		t.Errorf("a value of two elements: %v", err)
	}
}
