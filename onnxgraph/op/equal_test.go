package op_test

import (
	"testing"

	"pmx/onnxgraph/op"
)

func TestEqual(t *testing.T) { comparison(t, op.Equal, false, true, false) }
