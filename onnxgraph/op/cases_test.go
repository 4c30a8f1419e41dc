package op_test

import (
	"math/rand/v2"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
)

// Shared points at which element-wise operators are checked.

// positive draws from [0.5, 2.5], where logarithms and powers are smooth.
func positive(rng *rand.Rand, _ int) float64 { return 0.5 + 2*rng.Float64() }

// awayFromZero draws with a magnitude in [0.5, 2.5].
func awayFromZero(rng *rand.Rand, _ int) float64 {
	return (0.5 + 2*rng.Float64()) * float64(1-2*rng.IntN(2))
}

// unaryCases checks an operator at random points and at fixed ones.
func unaryCases(f func(*onnxgraph.Value) *onnxgraph.Value, draw func(*rand.Rand, int) float64, points ...float64) []gradcheck.Case {
	out := []gradcheck.Case{
		{Name: "2x3", Fn: gradcheck.Unary(f), Shapes: [][]int{{2, 3}}, Draw: draw},
		{Name: "scalar", Fn: gradcheck.Unary(f), Shapes: [][]int{{}}, Draw: draw},
	}
	if len(points) > 0 {
		out = append(out, gradcheck.Case{Name: "points", Fn: gradcheck.Unary(f), Shapes: [][]int{{len(points)}}, Inputs: [][]float64{points}})
	}
	return out
}

// binaryCases checks a broadcasting operator over the ways that two shapes can
// broadcast; epsilon 1 is for bilinear operators, whose difference is exact.
func binaryCases(f func(a, b *onnxgraph.Value) *onnxgraph.Value, draw func(*rand.Rand, int) float64, epsilon float64) []gradcheck.Case {
	shapes := []struct {
		name string
		a, b []int
	}{
		{"same", []int{2, 3}, []int{2, 3}},
		{"row", []int{2, 3}, []int{3}},
		{"column", []int{2, 3}, []int{2, 1}},
		{"outer", []int{2, 1, 4}, []int{3, 1}},
		{"scalar left", nil, []int{2, 3}},
		{"scalar right", []int{2, 3}, nil},
		{"one element", []int{2, 3}, []int{1, 1, 1}},
	}
	out := make([]gradcheck.Case, len(shapes))
	for i, s := range shapes {
		out[i] = gradcheck.Case{Name: s.name, Fn: gradcheck.Binary(f), Shapes: [][]int{s.a, s.b}, Draw: draw, Epsilon: epsilon}
	}
	return out
}

// constant is a constant in the graph and of the element type of like.
func constant(like *onnxgraph.Value, shape []int, v ...float64) *onnxgraph.Value {
	t := onnxgraph.NewTensor(shape, v)
	if like.DType == onnxgraph.Float32 {
		t = onnxgraph.Narrow(t)
	}
	return like.Graph().Const(t)
}

// integers is an int64 constant in the graph of like.
func integers(like *onnxgraph.Value, shape []int, v ...int64) *onnxgraph.Value {
	return like.Graph().Const(onnxgraph.NewTensor(shape, v))
}

// variadic adapts a constructor of any number of operands.
func variadic(f func(xs ...*onnxgraph.Value) *onnxgraph.Value) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value { return []*onnxgraph.Value{f(x...)} }
}

// reduction adapts a reduction's constructor.
func reduction(f func(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value, keep bool, axes ...int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return f(x, keep, axes...) })
}

// reductionCases checks a reduction over its choices of axes.
func reductionCases(f func(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value) []gradcheck.Case {
	return []gradcheck.Case{
		{Name: "all", Fn: reduction(f, false), Shapes: [][]int{{2, 3}}},
		{Name: "all kept", Fn: reduction(f, true), Shapes: [][]int{{2, 3}}},
		{Name: "first", Fn: reduction(f, false, 0), Shapes: [][]int{{2, 3, 4}}},
		{Name: "middle kept", Fn: reduction(f, true, 1), Shapes: [][]int{{2, 3, 4}}},
		{Name: "last two", Fn: reduction(f, false, -1, 1), Shapes: [][]int{{2, 3, 4}}},
		{Name: "of one element", Fn: reduction(f, false, 0), Shapes: [][]int{{1, 3}}},
	}
}

// applied gives all outputs of an operator without attributes.
func applied(id string) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value { return onnxgraph.ApplyNode(id, nil, x...).Outputs }
}
