package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestCeil(t *testing.T) {
	x := row(-1.5, -1, -0.25, 0, 1.2, 2, 1<<53-0.5, math.Inf(1))
	same(t, "Ceil", evaluate(t, gradcheck.Unary(op.Ceil), x)[0], row(-1.0, -1, 0, 0, 2, 2, 1<<53, math.Inf(1)))
}
