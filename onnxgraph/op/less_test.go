package op_test

import (
	"testing"

	"pmx/onnxgraph/op"
)

func TestLess(t *testing.T) { comparison(t, op.Less, true, false, false) }
