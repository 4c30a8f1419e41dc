package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestFloor(t *testing.T) {
	x := row(-1.5, -1, -0.25, 0, 1.2, 2, 1<<53-0.5, math.Inf(-1))
	same(t, "Floor", evaluate(t, gradcheck.Unary(op.Floor), x)[0], row(-2.0, -1, -1, 0, 1, 2, 1<<53-1, math.Inf(-1)))
}
