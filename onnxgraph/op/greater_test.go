package op_test

import (
	"testing"

	"pmx/onnxgraph/op"
)

func TestGreater(t *testing.T) { comparison(t, op.Greater, false, false, true) }
