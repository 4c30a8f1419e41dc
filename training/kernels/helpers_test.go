package kernels_test

import (
	"testing"

	"pmx/internal/require"
	"pmx/training"
)

// openORT gives the runtime on stock ONNX Runtime.
func openORT(t *testing.T) training.Runtime {
	t.Helper()
	r, err := training.LookupRuntime("ort")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Version(training.Options{}); err != nil {
		require.Missing(t, err.Error())
	}
	return r
}
