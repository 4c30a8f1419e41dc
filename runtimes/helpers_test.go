package runtimes_test

import (
	"testing"

	"pmx/internal/require"
	"pmx/runtimes"
)

// missing skips a test whose prerequisite is absent; in CI it fails.
func missing(t *testing.T, why string) {
	t.Helper()
	require.Missing(t, why)
}

func options(t *testing.T) runtimes.Options {
	t.Helper()
	return runtimes.Options{Threads: 2, Device: require.Device()}
}

// openRuntime finds a runtime whose library can be loaded.
func openRuntime(t *testing.T, name string) runtimes.Runtime {
	t.Helper()
	r, err := runtimes.LookupRuntime(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Version(options(t)); err != nil {
		missing(t, err.Error())
	}
	return r
}
