package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/require"
)

// torchPython finds a Python with PyTorch.
func torchPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PMX_TORCH_PYTHON")
	if python == "" {
		python = filepath.Join("..", ".venv-torch", "bin", "python")
	}
	if _, err := exec.LookPath(python); err != nil {
		require.Missing(t, "no Python with PyTorch: scripts/setup.sh makes .venv-torch, PMX_TORCH_PYTHON names another")
	}
	return python
}

// TestPeerScript: the script in this repository times a step of the recipe's sizes in
// PyTorch with a momentum encoder, and bench step makes a row of it.
func TestPeerScript(t *testing.T) {
	python, script := torchPython(t), filepath.Join("..", filepath.FromSlash(defaultPeerScript))
	program, err := exec.LookPath("pmx") // not Main: the rows are processes of this program
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "bench", "step", "--preset", "quickstart",
		"--set", "image_size=8,patch_size=4,dim=8,heads=2,depth=1,hidden=8,out_dim=4,batch=4,local_crops=0,drop_path=0,momentum_encoder=true",
		"--steps", "1", "--warmup", "0", "--rounds", "1", "--threads", "1",
		"--against", "pytorch-eager", "--python", python, "--peer-script", script).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "pytorch-eager") {
		t.Errorf("%v\n%s", err, out)
	}
}
