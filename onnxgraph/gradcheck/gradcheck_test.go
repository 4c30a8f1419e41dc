package gradcheck_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// TestVerifyCatches gives Verify gradients that are wrong on purpose: StopGradient
// hides a part of the derivative from autodiff, but not from the difference.
func TestVerifyCatches(t *testing.T) {
	half := func(x *onnxgraph.Value) *onnxgraph.Value { return op.Mul(x, op.StopGradient(x)) }
	for _, c := range []struct {
		name string
		id   string
		c    gradcheck.Case
		want string // in the error; "" for none
	}{
		{"right", "Mul", gradcheck.Case{Fn: gradcheck.Binary(op.Mul), Shapes: [][]int{{2, 3}, {3}}}, ""},
		{"half the slope", "Mul", gradcheck.Case{Fn: gradcheck.Unary(half), Shapes: [][]int{{2, 3}}},
			"Mul: input 0: ⟨vjp, t⟩"},
		{"wrong by a thousandth", "", gradcheck.Case{Shapes: [][]int{{3}}, Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Add(x, op.StopGradient(op.Mul(x, op.Scalar(x, 1e-3))))
		})}, "central difference"},
		{"no cotangent", "pmx.StopGradient", gradcheck.Case{Fn: gradcheck.Unary(op.StopGradient), Shapes: [][]int{{2}}},
			"⟨vjp, t⟩ = 0"},
		{"second input only", "", gradcheck.Case{Shapes: [][]int{{2}, {2}}, Fn: gradcheck.Binary(func(a, b *onnxgraph.Value) *onnxgraph.Value {
			return op.Add(a, half(b))
		})}, "input 1:"},
		{"second output only", "", gradcheck.Case{Shapes: [][]int{{2}}, Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.Neg(x[0]), half(x[0])}
		}}, "input 0:"},
		{"not a number", "Log", gradcheck.Case{Fn: gradcheck.Unary(op.Log), Shapes: [][]int{{1}}, Inputs: [][]float64{{-1}}},
			"NaN"},
		{"fixed input that is not", "Neg", gradcheck.Case{Fn: gradcheck.Unary(op.Neg), Shapes: [][]int{{2}}, Fixed: []int{0}},
			"input 0 is fixed"},
		{"fixed input", "pmx.StopGradient", gradcheck.Case{Fn: gradcheck.Unary(op.StopGradient), Shapes: [][]int{{2}}, Fixed: []int{0}}, ""},
		{"another operator", "Sub", gradcheck.Case{Fn: gradcheck.Binary(op.Add), Shapes: [][]int{{2}, {2}}},
			"does not apply Sub"},
		{"no float output", "Sub", gradcheck.Case{Shapes: [][]int{{2}, {2}}, Fn: gradcheck.Binary(func(a, b *onnxgraph.Value) *onnxgraph.Value {
			return op.Less(op.Sub(a, b), b)
		})}, "no output of the case is a float"},
		{"too few elements", "Neg", gradcheck.Case{Fn: gradcheck.Unary(op.Neg), Shapes: [][]int{{2}}, Inputs: [][]float64{{1}}},
			"1 elements for shape [2]"},
		{"refused gradient", "", gradcheck.Case{Shapes: [][]int{{}}, Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Range(x, op.Scalar(x, 9), op.Scalar(x, 1))
		})}, "no gradient"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := gradcheck.Verify(c.id, c.c)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("right gradient refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}
