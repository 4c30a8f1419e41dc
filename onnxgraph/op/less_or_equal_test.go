package op_test

import (
	"testing"

	"pmx/onnxgraph/op"
)

func TestLessOrEqual(t *testing.T) { comparison(t, op.LessOrEqual, true, true, false) }
