package orttraining_test

import (
	"math"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/orttraining/ortcheckpoint"
	"pmx/runtimes/runtimelib"
)

// libraryPath finds an installed library.
func libraryPath(t testing.TB, kind runtimelib.Kind) string {
	t.Helper()
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		t.Fatal(err)
	}
	found, err := installer.Find(kind, "")
	if err != nil {
		require.Missing(t, err)
	}
	return found.Path
}

func library(t testing.TB) *orttraining.Library {
	t.Helper()
	l, err := orttraining.Open(libraryPath(t, runtimelib.ORTTraining))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func sessionOptions(t testing.TB, o orttraining.Options) *orttraining.SessionOptions {
	t.Helper()
	o.Threads = 1
	options, err := library(t).NewSessionOptions(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { options.Close() })
	return options
}

func load(t testing.TB, c *ortcheckpoint.Checkpoint) *orttraining.CheckpointState {
	t.Helper()
	data, err := ortcheckpoint.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	state, err := library(t).LoadCheckpointBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	return state
}

// start begins a training session over a state.
func start(t testing.TB, state *orttraining.CheckpointState) *orttraining.TrainingSession {
	t.Helper()
	s, err := library(t).NewTrainingSession(state, artifacts(t), sessionOptions(t, orttraining.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.SetLearningRate(lr); err != nil {
		t.Fatal(err)
	}
	return s
}

func lossOf(t testing.TB, out map[string]*onnxgraph.Tensor, err error) float64 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out["loss"].Float64s()[0]
}

// trainStep runs step k: forward, backward, update.
func trainStep(t testing.TB, s *orttraining.TrainingSession, k int) float64 {
	t.Helper()
	out, err := s.TrainStep(feeds(k))
	loss := lossOf(t, out, err)
	if err := s.OptimizerStep(); err != nil {
		t.Fatal(err)
	}
	if err := s.ResetGradients(); err != nil {
		t.Fatal(err)
	}
	return loss
}

// tolerance of float32 over the steps of a test, relative to numbers of order 1.
const tolerance = 5e-6

func near(t testing.TB, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s = %.9g, want %.9g", what, got, want)
	}
}

func nearAll(t testing.TB, what string, got *onnxgraph.Tensor, want []float64) {
	t.Helper()
	if got.Size() != len(want) {
		t.Errorf("%s is %v, want %d numbers", what, got, len(want))
		return
	}
	for i, g := range got.Float64s() {
		near(t, what, g, want[i])
	}
}

// wantError asks for an error of one line with the given words.
func wantError(t testing.TB, err error, words string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", words)
	case !strings.Contains(err.Error(), words):
		t.Errorf("error %q, want %q in it", err, words)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("error of several lines: %q", err)
	case !strings.HasPrefix(err.Error(), "orttraining: "):
		t.Errorf("error %q does not name the package", err)
	}
}
