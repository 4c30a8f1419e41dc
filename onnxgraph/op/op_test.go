package op_test

import (
	"testing"

	"pmx/onnxgraph/gradcheck"
)

// TestGradients checks the gradient of every registered operator, by the cases
// in the operators' test files.
func TestGradients(t *testing.T) { gradcheck.Run(t) }
