package op_test

import (
	"testing"

	"pmx/onnxgraph/op"
)

func TestGreaterOrEqual(t *testing.T) { comparison(t, op.GreaterOrEqual, false, true, true) }
