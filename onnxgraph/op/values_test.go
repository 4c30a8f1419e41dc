package op_test

import (
	"math"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestValues holds results that ONNX's own cases do not: limits of the number
// range, ties, and the conveniences of our constructors.
func TestValues(t *testing.T) {
	inf := math.Inf(1)
	row := func(v ...float64) *onnxgraph.Tensor { return onnxgraph.NewTensor([]int{len(v)}, v) }
	whole := func(v ...int64) *onnxgraph.Tensor { return onnxgraph.NewTensor([]int{len(v)}, v) }
	for _, c := range []struct {
		name string
		x    *onnxgraph.Tensor
		f    func(x *onnxgraph.Value) *onnxgraph.Value
		want *onnxgraph.Tensor
	}{
		{"Slice to the end", row(0, 1, 2, 3), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Slice(x, 0, 1, op.ToEnd) }, row(1, 2, 3)},
		{"Slice from the end", row(0, 1, 2, 3), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Slice(x, 0, -2, op.ToEnd) }, row(2, 3)},
		{"Slice backwards", row(0, 1, 2, 3), func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.SliceN(x, []int{0}, []int{op.ToEnd}, []int{math.MinInt64}, []int{-1})
		}, row(3, 2, 1, 0)},
		{"Softmax of large numbers", row(1e6, 1e6, -1e6), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Softmax(x, 0) }, row(0.5, 0.5, 0)},
		{"Softmax with a masked element", row(0, -inf), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Softmax(x, 0) }, row(1, 0)},
		{"LogSoftmax of large numbers", row(1e6, 0), func(x *onnxgraph.Value) *onnxgraph.Value { return op.LogSoftmax(x, 0) }, row(0, -1e6)},
		{"Sigmoid saturated", row(-1000, 0, 1000), op.Sigmoid, row(0, 0.5, 1)},
		{"Gelu saturated", row(-1e3, 0, 1e3), op.Gelu, row(0, 0, 1e3)},
		{"Relu keeps infinity", row(-inf, inf), op.Relu, row(0, inf)},
		{"Log at its pole", row(0, 1), op.Log, row(-inf, 0)},
		{"Cast truncates towards zero", row(-1.9, 1.9), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Cast(x, onnxgraph.Int64) }, whole(-1, 1)},
		{"Cast of large integers", whole(1<<62 + 1), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Cast(x, onnxgraph.Int64) }, whole(1<<62 + 1)},
		{"Div truncates towards zero", whole(-7, 7), func(x *onnxgraph.Value) *onnxgraph.Value { return op.Div(x, op.Scalar(x, 2)) }, whole(-3, 3)},
		{"TopK takes the first", row(3, 1, 3, 3), func(x *onnxgraph.Value) *onnxgraph.Value {
			_, at := op.TopK(x, 2, 0)
			return at
		}, whole(0, 2)},
		{"cubic Resize keeps a constant", row(3, 3, 3), func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Resize(x, []int{5}, op.ResizeAttrs{Mode: "cubic"})
		}, row(3, 3, 3, 3, 3)},
		{"linear Resize", row(0, 4), func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Resize(x, []int{4}, op.ResizeAttrs{Mode: "linear"})
		}, row(0, 1, 3, 4)},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := onnxgraph.Build("values", func(g *onnxgraph.Graph) {
				g.Output("y", c.f(g.Input("x", c.x.DType(), c.x.Shape()...)))
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": c.x})
			if err != nil {
				t.Fatal(err)
			}
			y := out["y"]
			if y.DType() != c.want.DType() || !y.Shape().Equal(c.want.Shape()) {
				t.Fatalf("got %v, want %v", y, c.want)
			}
			if y.DType() == onnxgraph.Int64 {
				for i, v := range onnxgraph.Data[int64](y) {
					if w := onnxgraph.Data[int64](c.want)[i]; v != w {
						t.Errorf("element %d is %d, want %d", i, v, w)
					}
				}
				return
			}
			if err := numtest.Compare(y.Float64s(), c.want.Float64s(), numtest.Tolerance("double", numtest.Pointwise)); err != nil {
				t.Error(err)
			}
		})
	}
}
