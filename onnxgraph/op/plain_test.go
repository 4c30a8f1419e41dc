package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
)

// Shared pieces of tests that compare an operator with plain Go.

// evaluate gives what f makes of the operands on Eval.
func evaluate(t *testing.T, f func(x []*onnxgraph.Value) []*onnxgraph.Value, operands ...*onnxgraph.Tensor) []*onnxgraph.Tensor {
	t.Helper()
	feeds := map[string]*onnxgraph.Tensor{}
	outputs := 0
	g, err := onnxgraph.Build("plain", func(g *onnxgraph.Graph) {
		x := make([]*onnxgraph.Value, len(operands))
		for i, operand := range operands {
			name := fmt.Sprintf("x%d", i)
			x[i], feeds[name] = g.Input(name, operand.DType(), operand.Shape()...), operand
		}
		for i, y := range f(x) {
			g.Output(fmt.Sprintf("y%d", i), y)
			outputs++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnxgraph.Eval(g, feeds)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*onnxgraph.Tensor, outputs)
	for i := range out {
		out[i] = got[fmt.Sprintf("y%d", i)]
	}
	return out
}

// same asks for the tensor want; of floats, except for rounding.
func same(t *testing.T, what string, got, want *onnxgraph.Tensor) {
	t.Helper()
	if got.DType() != want.DType() || !got.Shape().Equal(want.Shape()) {
		t.Errorf("%s is %v, want %v", what, got, want)
		return
	}
	tol := 0.0
	if want.DType().IsFloat() {
		tol = numtest.Tolerance("double", numtest.Summed)
	}
	if err := numtest.Compare(got.Float64s(), want.Float64s(), tol); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// tensor is v in a shape; row is it as a vector.
func tensor[T onnxgraph.Element](shape []int, v ...T) *onnxgraph.Tensor {
	return onnxgraph.NewTensor(shape, v)
}

func row[T onnxgraph.Element](v ...T) *onnxgraph.Tensor { return tensor([]int{len(v)}, v...) }

// random draws from the standard normal.
func random(seed uint64, shape ...int) *onnxgraph.Tensor {
	t := onnxgraph.Zeros(onnxgraph.Float64, shape)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range onnxgraph.Data[float64](t) {
		onnxgraph.Data[float64](t)[i] = rng.NormFloat64()
	}
	return t
}

// isGradient asks that dx be the pullback of dy through a plain function f at x:
// ⟨dx, t⟩ is the central difference of ⟨dy, f⟩ along a random direction t.
func isGradient(t *testing.T, f func(x []float64) []float64, x, dy, dx *onnxgraph.Tensor) {
	t.Helper()
	const epsilon = 1e-5
	direction := random(99, x.Size()).Float64s()
	at := func(by float64) (sum float64) {
		moved := make([]float64, x.Size())
		for i, v := range x.Float64s() {
			moved[i] = v + by*direction[i]
		}
		for i, y := range f(moved) {
			sum += y * dy.Float64s()[i]
		}
		return sum
	}
	want, got := (at(epsilon)-at(-epsilon))/(2*epsilon), 0.0
	for i, v := range dx.Float64s() {
		got += v * direction[i]
	}
	if tol := numtest.Tolerance("double", numtest.Difference); !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
		t.Errorf("⟨dx, t⟩ = %.9g, central difference %.9g", got, want)
	}
}

// comparison asks what an operator says of numbers: whether it holds where a is
// less than, equal to and greater than b. It never holds of what is not a number.
func comparison(t *testing.T, f func(a, b *onnxgraph.Value) *onnxgraph.Value, less, equal, greater bool) {
	t.Helper()
	apply := func(x []*onnxgraph.Value) []*onnxgraph.Value { return []*onnxgraph.Value{f(x[0], x[1])} }
	// A column and a row give all pairs of -1, 0 and 1.
	got := evaluate(t, apply, tensor([]int{3, 1}, -1.0, 0, 1), row(-1.0, 0, 1))[0]
	same(t, "of floats", got, tensor([]int{3, 3},
		equal, less, less,
		greater, equal, less,
		greater, greater, equal))
	got = evaluate(t, apply, row[int64](1<<53+1, 1<<53, -3), row[int64](1<<53, 1<<53+1, -3))[0]
	same(t, "of integers that float64 does not tell apart", got, row(greater, less, equal))
	got = evaluate(t, apply, row(math.NaN(), math.NaN(), math.Inf(1)), row(0, math.NaN(), math.Inf(1)))[0]
	same(t, "of no numbers and infinities", got, row(false, false, equal))
}
