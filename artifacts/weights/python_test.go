package weights_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/weights"
	"pmx/internal/require"
	"pmx/onnxgraph"
)

// TestLibrariesLoad: every format is loaded by the library that it is for, nothing
// missing or left over, and gives the same tokens.
func TestLibrariesLoad(t *testing.T) {
	python := os.Getenv("PMX_TORCH_PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", ".venv-torch", "bin", "python")
	}
	if _, err := exec.LookPath(python); err != nil {
		require.Missing(t, "no Python with PyTorch: scripts/setup.sh makes .venv-torch, PMX_TORCH_PYTHON names another")
	}
	e := sample(t)
	image := expected(t, "native/")["image"]
	arch, err := json.Marshal(e.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	want := onnxgraph.Narrow(onnxgraph.NewTensor([]int{1, 1 + e.Grid()*e.Grid(), e.Dim}, tokens(t, e, image)))
	dir := t.TempDir()
	reference := filepath.Join(dir, "expected.safetensors")
	list := []safetensors.Named{{Name: "image", Tensor: image}, {Name: "tokens", Tensor: want}}
	if err := safetensors.WriteFile(reference, list, map[string]string{weights.EncoderProperty: string(arch)}); err != nil {
		t.Fatal(err)
	}
	args := []string{filepath.Join("testdata", "load_formats.py"), reference}
	for _, format := range weights.Formats() {
		path := outputPath(t, format)
		if err := weights.Write(path, format, e); err != nil {
			t.Fatal(err)
		}
		args = append(args, format+"="+path)
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, format := range weights.Formats() {
		difference, found := 0.0, false
		for line := range strings.Lines(string(out)) {
			if n, _ := fmt.Sscanf(line, format+" %g", &difference); n == 1 {
				found = true
			}
		}
		if !found || !(difference <= 1e-5) { // float32 of the libraries
			t.Errorf("%s: tokens differ by %g (given: %t)", format, difference, found)
		}
	}
	t.Logf("%s", out)
}
