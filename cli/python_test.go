package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/require"
)

// stockPython finds a Python with stock onnxruntime.
func stockPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PMX_PYTHON")
	if python == "" {
		python = filepath.Join("..", ".venv-pmx", "bin", "python")
	}
	if _, err := exec.LookPath(python); err != nil {
		require.Missing(t, "no Python with onnxruntime: scripts/setup.sh makes .venv-pmx, PMX_PYTHON names another")
	}
	return python
}

// trainStep runs examples/train_step.py.
func trainStep(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	out, err := exec.Command(stockPython(t), append([]string{filepath.Join("..", "examples", "train_step.py")}, args...)...).CombinedOutput()
	return string(out), err
}

// TestStepTrainsWithoutPMX: examples/train_step.py, which knows nothing of pmx,
// takes the recorded steps with a step file on stock onnxruntime and gets the
// published code's numbers; its own mixed images and targets are the recorded ones.
func TestStepTrainsWithoutPMX(t *testing.T) {
	stockPython(t)
	for _, name := range []string{"small_no_momentum", "small_momentum_multicrop"} {
		t.Run(name, func(t *testing.T) {
			recording := filepath.Join("..", "..", "shared", "fixtures", name+".safetensors")
			if _, err := os.Stat(recording); err != nil {
				require.Missing(t, "no fixture "+recording)
			}
			built, err := tasks.BuildStep(t.Context(), new(recordedConfig(t, recording)))
			if err != nil {
				t.Fatal(err)
			}
			model := filepath.Join(t.TempDir(), "step.onnx")
			if err := built.Model.WriteFile(model); err != nil {
				t.Fatal(err)
			}
			out, err := trainStep(t, model, recording)
			if err != nil || !strings.HasSuffix(out, "\nthe same numbers\n") {
				t.Errorf("train_step.py: %v\n%s", err, out)
			}
		})
	}
}

// TestStepTrainsFromInitialState: the same script, with nothing but what build-graph
// writes, makes batches of its own, and the loss falls.
func TestStepTrainsFromInitialState(t *testing.T) {
	python := stockPython(t)
	images := filepath.Join(t.TempDir(), "images.npy")
	archive, broken := filepath.Join(t.TempDir(), "images.npz"), filepath.Join(t.TempDir(), "broken.npz")
	makeImages := "import numpy as np, sys; np.save(sys.argv[1], np.random.default_rng(1).integers(0, 256, (20, 3, 5, 3), np.uint8).repeat(8, 1).repeat(4, 2)); " +
		"np.savez(sys.argv[2], images=np.zeros(3)); open(sys.argv[3], 'wb').write(open(sys.argv[2], 'rb').read()[:40])"
	if out, err := exec.Command(python, "-c", makeImages, images, archive, broken).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, method := range methods() {
		t.Run(method.Name, func(t *testing.T) {
			c := tasks.Contrastive{
				Base: tasks.Base{Seed: 5}, Method: method.Name, SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 16, PatchSize: 4, Dim: 16, Depth: 2, Heads: 2, MLPRatio: 2},
					ProjLayers: 3, PredLayers: 2, Hidden: 32, OutDim: 8, Batch: 16, MomentumEncoder: true,
					MixNum: builders.IntSet{2, 3}, LocalCrops: 2, LocalSize: 8, DropPath: 0.2,
				}}
			dir := t.TempDir()
			model, state := filepath.Join(dir, "step.onnx"), filepath.Join(dir, "initial.safetensors")
			if err := writeStep(t.Context(), io.Discard, &c, model, state); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{}, {"--images", images}} {
				out, err := trainStep(t, append([]string{model, state, "--steps", "30"}, args...)...)
				if err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
				losses := lossesOf(t, out)
				if len(losses) != 30 {
					t.Fatalf("%v: %d losses in\n%s", args, len(losses), out)
				}
				if first, last := mean(losses[:5]), mean(losses[25:]); !(last < 0.97*first) {
					t.Errorf("%v: the loss goes from %g to %g", args, first, last)
				}
			}
			for _, path := range []string{archive, broken} {
				out, err := trainStep(t, model, state, "--images", path)
				if err == nil || out != path+" is no .npy file: write one with numpy.save\n" {
					t.Errorf("error %v, output %s", err, out)
				}
			}
			out, err := trainStep(t, state, model) // the wrong way round
			if err == nil || !strings.HasPrefix(out, "usage: train_step.py") || strings.Contains(out, "Traceback") {
				t.Errorf("error %v, output %s", err, out)
			}
		})
	}
	out, err := trainStep(t)
	if err == nil || !strings.HasPrefix(out, "usage: train_step.py") || strings.Contains(out, "Traceback") {
		t.Errorf("error %v, output %s", err, out)
	}
}

// lossesOf reads the lines of train_step.py: step 1: loss 8.4258, loss_source ...
func lossesOf(t *testing.T, output string) (losses []float64) {
	t.Helper()
	for line := range strings.Lines(output) {
		var step int
		var loss float64
		if _, err := fmt.Sscanf(line, "step %d: loss %f,", &step, &loss); err != nil || step != len(losses)+1 {
			t.Fatalf("line %q, error %v", line, err)
		}
		losses = append(losses, loss)
	}
	return losses
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// TestInitialState: the file holds what a training with the seed starts from, every
// input of the step's state, and what makes a training's checkpoint known again.
func TestInitialState(t *testing.T) {
	r := quickstart(t)
	r.ImageSize, r.PatchSize, r.Dim, r.Depth, r.Heads, r.Hidden, r.OutDim, r.Batch, r.MomentumEncoder, r.Seed = 8, 4, 12, 2, 3, 8, 4, 4, true, 9
	dir := t.TempDir()
	state := filepath.Join(dir, "initial.safetensors")
	if err := writeStep(t.Context(), io.Discard, r, filepath.Join(dir, "step.onnx"), state); err != nil {
		t.Fatal(err)
	}
	got, err := artifacts.ReadCheckpoint(state)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := artifacts.ConfigHash(r, "data", "unlabelled") // a run without the key, of an earlier build, has this hash too
	if err != nil {
		t.Fatal(err)
	}
	if got.Method != r.Method || got.ConfigHash != hash || string(got.RNG) != `{"seed":9}` || string(got.Data) != `{"epoch":{"steps":0}}` {
		t.Errorf("method %q, configuration %q (want %q), random numbers %s, data %s", got.Method, got.ConfigHash, hash, got.RNG, got.Data)
	}
	built, err := tasks.BuildStep(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := built.InitialState(9)
	if got.Step != 0 || len(got.Tensors) != len(want) || len(want) != len(built.State) {
		t.Errorf("step %d, %d tensors, want %d", got.Step, len(got.Tensors), len(built.State))
	}
	for _, s := range built.State {
		i := slices.IndexFunc(got.Tensors, func(n safetensors.Named) bool { return n.Name == s.In })
		if i < 0 || !bytes.Equal(got.Tensors[i].Bytes(), want[s.Name].Bytes()) {
			t.Errorf("%s is another or missing", s.In)
		}
	}
}

// recordedConfig is the configuration that a fixture was recorded with.
func recordedConfig(t *testing.T, path string) tasks.Contrastive {
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
	return tasks.Contrastive{
		Method: "patchmix", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: c.Img, PatchSize: c.Patch, Dim: c.Dim, Depth: c.Depth, Heads: c.Heads, MLPRatio: c.MLPRatio},
			ProjLayers: c.ProjLayers, PredLayers: c.PredLayers, Hidden: c.Hidden, OutDim: c.Out, Batch: c.Batch,
			MomentumEncoder: c.Momentum, MixNum: builders.IntSet{c.M}, LocalCrops: c.Multi, LocalSize: c.Local,
		}}
}
