package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
)

// TestStopGradient: of y = x ⊙ sg(x), which is x², the gradient is x and not 2x.
func TestStopGradient(t *testing.T) {
	x := row(-2.0, 0, 3)
	out := evaluate(t, func(v []*onnxgraph.Value) []*onnxgraph.Value {
		y := op.Mul(v[0], op.StopGradient(v[0]))
		return append(autodiff.Pullback([]*onnxgraph.Value{y}, []*onnxgraph.Value{v[1]}, v[:1]), y)
	}, x, row(1.0, 1, 1))
	same(t, "the gradient", out[0], x)
	same(t, "x sg(x)", out[1], row(4.0, 0, 9))
}
