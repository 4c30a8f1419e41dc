package export

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// tinyState is the untrained state of a tiny step as a checkpoint.
func tinyState(t testing.TB, momentum bool) *artifacts.Checkpoint {
	t.Helper()
	config := builders.ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 4}
	state := map[string]*onnxgraph.Tensor{"predictor.0.weight": onnxgraph.Zeros(onnxgraph.Float32, []int{4, 4})}
	for name, w := range builders.DrawEncoder(config, 3) {
		state[builders.BaseEncoder+"."+name] = w
		if momentum {
			state[builders.MomentumEncoder+"."+name] = w
		}
	}
	architecture, err := json.Marshal(builders.Architecture(config))
	if err != nil {
		t.Fatal(err)
	}
	return &artifacts.Checkpoint{
		CheckpointHeader: artifacts.CheckpointHeader{Step: 7, Arch: architecture},
		Tensors:          safetensors.Sorted(state),
	}
}

// tinyCheckpoint is the path of a file of tinyState.
func tinyCheckpoint(t testing.TB, momentum bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "000007.safetensors")
	if err := artifacts.WriteCheckpoint(path, tinyState(t, momentum)); err != nil {
		t.Fatal(err)
	}
	return path
}

// tinyEncoder is the base encoder of tinyCheckpoint.
func tinyEncoder(t testing.TB) *Encoder {
	t.Helper()
	e, err := ReadEncoder(t.Context(), tinyCheckpoint(t, false), "")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// referenceVerifier runs exported models in float64.
func referenceVerifier(t testing.TB) *Verifier {
	t.Helper()
	r, err := runtimes.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	return &Verifier{Runtime: r}
}

// onesRuntime runs no model: every feature is 1.
type onesRuntime struct{ runtimes.Runtime }

func (onesRuntime) NewInference(m *onnxgraph.Model, _ runtimes.Options) (runtimes.Inference, error) {
	return onesInference{m}, nil
}

type onesInference struct{ model *onnxgraph.Model }

func (o onesInference) Run(map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	out := map[string]*onnxgraph.Tensor{}
	for _, v := range o.model.Graph.Outputs() {
		shape := v.Shape.Clone()
		shape[0] = 1
		values := make([]float32, shape.Size())
		for i := range values {
			values[i] = 1
		}
		out[v.Name] = onnxgraph.NewTensor(shape, values)
	}
	return out, nil
}

func (onesInference) Close() error { return nil }

// dirContent maps the names in a folder to what the files hold.
func dirContent(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		content[e.Name()] = string(data)
	}
	return content
}

var errStopped = errors.New("stopped by a test")

// stopAt is a context that is done, by errStopped, from the n-th look at it on.
type stopAt struct {
	context.Context
	cancel context.CancelCauseFunc
	n      int
	looks  int
}

func newStopAt(t *testing.T, n int) *stopAt {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return &stopAt{Context: ctx, cancel: cancel, n: n}
}

func (s *stopAt) Err() error {
	if s.looks++; s.looks == s.n {
		s.cancel(errStopped)
	}
	return s.Context.Err()
}

// after is how often it was looked at once it was done: context.Cause does so once.
func (s *stopAt) after() int { return s.looks - s.n }
