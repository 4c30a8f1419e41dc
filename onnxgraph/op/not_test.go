package op_test

import (
	"testing"

	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestNot(t *testing.T) {
	same(t, "Not", evaluate(t, gradcheck.Unary(op.Not), row(true, false))[0], row(false, true))
}
