package kernels_test

import (
	"testing"

	"pmx/internal/require"
	"pmx/runtimes"
)

// openORT gives the runtime on stock ONNX Runtime.
func openORT(t *testing.T) runtimes.Runtime {
	t.Helper()
	r, err := runtimes.LookupRuntime("ort")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Version(runtimes.Options{}); err != nil {
		require.Missing(t, err.Error())
	}
	return r
}
