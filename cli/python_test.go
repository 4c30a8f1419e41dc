package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/require"
)

// TestStepTrainsWithoutPMX: examples/train_step.py, which knows nothing of pmx,
// takes the recorded steps with a step file on stock onnxruntime and gets the
// published code's numbers.
func TestStepTrainsWithoutPMX(t *testing.T) {
	python := os.Getenv("PMX_PYTHON")
	if python == "" {
		python = filepath.Join("..", ".venv", "bin", "python")
	}
	if _, err := exec.LookPath(python); err != nil {
		require.Missing(t, "no Python with onnxruntime: scripts/setup.sh makes .venv, PMX_PYTHON names another")
	}
	for _, name := range []string{"small_no_momentum", "small_momentum_multicrop"} {
		t.Run(name, func(t *testing.T) {
			recording := filepath.Join("..", "..", "shared", "fixtures", name+".safetensors")
			if _, err := os.Stat(recording); err != nil {
				require.Missing(t, "no fixture "+recording)
			}
			step, err := builders.Build(recordedConfig(t, recording))
			if err != nil {
				t.Fatal(err)
			}
			model := filepath.Join(t.TempDir(), "step.onnx")
			if err := step.Model.WriteFile(model); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(python, filepath.Join("..", "examples", "train_step.py"), model, recording).CombinedOutput()
			if err != nil || !strings.HasSuffix(string(out), "\nthe same numbers\n") {
				t.Errorf("train_step.py: %v\n%s", err, out)
			}
		})
	}
}

// recordedConfig is the configuration that a fixture was recorded with.
func recordedConfig(t *testing.T, path string) builders.Config {
	t.Helper()
	r, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var c struct {
		Img, Patch, Dim, Depth, Heads, Batch, M, Multi, Local, Hidden, Out int
		Momentum                                                           bool
		MLPRatio                                                           int `json:"mlp_ratio"`
		ProjLayers                                                         int `json:"proj_layers"`
		PredLayers                                                         int `json:"pred_layers"`
	}
	if err := json.Unmarshal([]byte(r.Metadata()["config"]), &c); err != nil {
		t.Fatal(err)
	}
	return builders.Config{
		Method: "patchmix", ImageSize: c.Img, PatchSize: c.Patch, Dim: c.Dim, Depth: c.Depth, Heads: c.Heads, MLPRatio: c.MLPRatio,
		ProjLayers: c.ProjLayers, PredLayers: c.PredLayers, Hidden: c.Hidden, OutDim: c.Out, Batch: c.Batch,
		MomentumEncoder: c.Momentum, MixNum: builders.IntSet{c.M}, LocalCrops: c.Multi, LocalSize: c.Local,
	}
}
