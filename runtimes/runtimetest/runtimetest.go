// Package runtimetest helps tests of other packages to run one graph on every
// runtime, and to read what independent implementations recorded.
package runtimetest

import (
	"os"
	"path/filepath"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// Everywhere runs a graph on the reference and on stock ONNX Runtime with kernels of
// ours and without, and hands the outputs of each to check, in a subtest.
func Everywhere(t *testing.T, g *onnxgraph.Graph, feeds map[string]*onnxgraph.Tensor, check func(t *testing.T, got map[string]*onnxgraph.Tensor)) {
	t.Helper()
	for _, c := range []struct{ name, runtime, kernels string }{
		{"reference", "reference", ""}, {"ort", "ort", ""}, {"ort without kernels", "ort", "off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			runtime, err := runtimes.LookupRuntime(c.runtime)
			if err != nil {
				t.Fatal(err)
			}
			options := runtimes.Options{Threads: 1, Kernels: c.kernels, Device: require.Device()}
			if _, err := runtime.Version(options); err != nil {
				require.Missing(t, err)
			}
			session, err := runtime.NewInference(&onnxgraph.Model{Graph: g}, options)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			got, err := session.Run(feeds)
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
		})
	}
}

// Recorded reads a file of ../shared/fixtures, beside the project's root, by the names
// of its tensors. Where it is absent the test is skipped, or fails where everything
// must run.
func Recorded(t testing.TB, name string) map[string]*onnxgraph.Tensor {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(root) == root {
			t.Fatal("no go.mod above the test's folder")
		}
		root = filepath.Dir(root)
	}
	path := filepath.Join(root, "..", "shared", "fixtures", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		require.Missing(t, "the recording ../shared/fixtures/"+name)
	}
	tensors, _, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*onnxgraph.Tensor{}
	for _, n := range tensors {
		out[n.Name] = n.Tensor
	}
	return out
}
