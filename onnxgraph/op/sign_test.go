package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestSign(t *testing.T) {
	x := row(-2, -1e-300, 0, 1e-300, 3, math.Inf(-1), math.Inf(1))
	same(t, "Sign", evaluate(t, gradcheck.Unary(op.Sign), x)[0], row(-1.0, -1, 0, 1, 1, -1, 1))
	if y := evaluate(t, gradcheck.Unary(op.Sign), row(math.NaN()))[0].Float64s()[0]; !math.IsNaN(y) {
		t.Errorf("the sign of no number is %g", y)
	}
}
