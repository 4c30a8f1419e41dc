package op_test

import (
	"testing"

	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func TestOr(t *testing.T) {
	got := evaluate(t, gradcheck.Binary(op.Or), tensor([]int{2, 1}, true, false), row(true, false))[0]
	same(t, "all pairs", got, tensor([]int{2, 2}, true, true, true, false))
}
