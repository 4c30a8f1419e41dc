package training_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts"
	"pmx/onnxgraph"
	"pmx/step"
	"pmx/training"
)

func checkpointHook(t *testing.T) *training.CheckpointHook {
	t.Helper()
	return &training.CheckpointHook{Checkpoints: artifacts.Checkpoints{Dir: t.TempDir()}, ConfigHash: "abc", Arch: []byte(`{"heads":3}`), State: fakeStep().State, Seed: 3}
}

func saved(t *testing.T, h *training.CheckpointHook) []int64 {
	t.Helper()
	steps, err := h.Checkpoints.List()
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestCheckpointHookWhen: 11 steps, 4 an epoch.
func TestCheckpointHookWhen(t *testing.T) {
	for _, c := range []struct {
		name        string
		everySteps  int64
		everyEpochs int
		keep        int
		want        []int64
	}{
		{"at the end only", 0, 0, 0, []int64{11}},
		{"by steps", 3, 0, 0, []int64{3, 6, 9, 11}},
		{"by epochs", 0, 2, 0, []int64{8, 11}},
		{"by both", 8, 1, 0, []int64{4, 8, 11}},
		{"last two", 3, 0, 2, []int64{9, 11}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := checkpointHook(t)
			h.EverySteps, h.EveryEpochs, h.Checkpoints.Keep = c.everySteps, c.everyEpochs, c.keep
			if err := fakeLoop(newFakeSession(), 11, 4, h).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := saved(t, h); !slices.Equal(got, c.want) {
				t.Errorf("checkpoints %v, want %v", got, c.want)
			}
		})
	}
}

// TestCheckpointHookContent: what a resume and a reader of the weights need.
func TestCheckpointHookContent(t *testing.T) {
	h := checkpointHook(t)
	s := newFakeSession()
	if err := fakeLoop(s, 6, 4, h).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := artifacts.ReadCheckpoint(h.Checkpoints.Path(6))
	if err != nil {
		t.Fatal(err)
	}
	if c.Step != 6 || c.ConfigHash != "abc" || string(c.Arch) != `{"heads":3}` || string(c.RNG) != `{"seed":3}` || len(c.Tensors) != 2 {
		t.Errorf("checkpoint %+v", c.CheckpointHeader)
	}
	if want := map[string]string{"w": "param", step.CounterName: "counter"}; !maps.Equal(c.Kinds, want) {
		t.Errorf("kinds %v, want %v", c.Kinds, want)
	}
	loss := s.losses[4] + s.losses[5] // of the epoch that is not over
	if want := fmt.Sprintf(`{"position":{"epoch":1,"step":2,"steps_per_epoch":4},"epoch":{"steps":2,"sums":{"grad_norm":%v,"loss":%v}}}`, 2*loss, loss); string(c.Data) != want {
		t.Errorf("data %s, want %s", c.Data, want)
	}
}

// TestCheckpointHookLogsFirst: nothing in the logs is later than a checkpoint
// that says it happened.
func TestCheckpointHookLogsFirst(t *testing.T) {
	h := checkpointHook(t)
	h.EverySteps = 2
	var calls []string
	log := &tape{name: "log", calls: &calls, fail: map[string]error{}}
	if err := fakeLoop(newFakeSession(), 4, 2, log, h).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"log start", "log 1", "log 2", "log flush", "log 3", "log 4", "log flush", "log end"}; !slices.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}

	full := errors.New("disk full")
	log.fail["flush"] = full
	if err := fakeLoop(newFakeSession(), 6, 2, log, h).Run(t.Context()); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if got := saved(t, h); !slices.Equal(got, []int64{2, 4}) {
		t.Errorf("checkpoints %v", got)
	}
}

// TestCheckpointHookSavesOnTheWayOut: an interruption and a failing step lose
// nothing; a divergence keeps the last good checkpoint and no later state.
func TestCheckpointHookSavesOnTheWayOut(t *testing.T) {
	t.Run("interrupted", func(t *testing.T) {
		h := checkpointHook(t)
		h.EverySteps = 4
		ctx, cancel := context.WithCancel(t.Context())
		s := newFakeSession()
		s.afterStep = func(step int64) {
			if step == 6 {
				cancel()
			}
		}
		err := fakeLoop(s, 20, 3, h).Run(ctx)
		var interrupted *training.InterruptedError
		if !errors.As(err, &interrupted) || interrupted.Saved != h.Checkpoints.Path(6) || !strings.Contains(err.Error(), "000006.safetensors") {
			t.Errorf("error %v", err)
		}
		if got := saved(t, h); !slices.Equal(got, []int64{4, 6}) {
			t.Errorf("checkpoints %v", got)
		}
	})
	t.Run("interrupted before the first step", func(t *testing.T) {
		h := checkpointHook(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := fakeLoop(newFakeSession(), 20, 3, h).Run(ctx)
		var interrupted *training.InterruptedError
		if !errors.As(err, &interrupted) || interrupted.Saved != "" || !strings.Contains(err.Error(), "nothing was saved") {
			t.Errorf("error %v", err)
		}
		if got := saved(t, h); len(got) != 0 {
			t.Errorf("checkpoints %v", got)
		}
	})
	t.Run("interrupted at a checkpoint", func(t *testing.T) {
		h := checkpointHook(t)
		h.EverySteps = 2
		ctx, cancel := context.WithCancel(t.Context())
		s := newFakeSession()
		s.afterStep = func(step int64) {
			if step == 2 {
				cancel()
			}
		}
		s.stateErrors = []error{nil, errors.New("saved twice")}
		err := fakeLoop(s, 20, 3, h).Run(ctx)
		var interrupted *training.InterruptedError
		if !errors.As(err, &interrupted) || interrupted.Saved != h.Checkpoints.Path(2) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("failed", func(t *testing.T) {
		h := checkpointHook(t)
		s := newFakeSession()
		s.failAt = map[int64]error{5: errors.New("no memory")}
		err := fakeLoop(s, 20, 3, h).Run(t.Context())
		if failed, ok := errors.AsType[*training.FailedError](err); !ok || failed.Step != 4 || failed.Kept != h.Checkpoints.Path(4) ||
			err.Error() != "training: training: step 5: no memory; stopped after step 4, the newest checkpoint is "+h.Checkpoints.Path(4) {
			t.Errorf("error %v", err)
		}
		if got := saved(t, h); !slices.Equal(got, []int64{4}) {
			t.Errorf("checkpoints %v", got)
		}
	})
	t.Run("another hook failed", func(t *testing.T) {
		h := checkpointHook(t)
		h.EverySteps = 4
		var calls []string
		log := &tape{name: "log", calls: &calls, fail: map[string]error{"7": errors.New("disk full")}}
		s := newFakeSession()
		err := fakeLoop(s, 20, 3, log, h).Run(t.Context())
		if failed, ok := errors.AsType[*training.FailedError](err); !ok || failed.Step != 6 || failed.Kept != h.Checkpoints.Path(6) {
			t.Errorf("error %v", err)
		}
		// Step 7 is in no log and in no checkpoint; step 6 is in both, with its part of the epoch.
		if got := saved(t, h); !slices.Equal(got, []int64{4, 6}) {
			t.Errorf("checkpoints %v", got)
		}
		c, err := artifacts.ReadCheckpoint(h.Checkpoints.Path(6))
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"position":{"epoch":2,"step":0,"steps_per_epoch":3},"epoch":{"steps":0}}`; string(c.Data) != want {
			t.Errorf("data %s, want %s", c.Data, want)
		}
		six := newFakeSession()
		l := fakeLoop(six, 20, 3)
		l.Steps = 6
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := onnxgraph.Data[float32](c.Tensors[1].Tensor); !slices.Equal(got, six.w) {
			t.Errorf("state %v of %s, want %v", got, c.Tensors[1].Name, six.w)
		}
	})
	t.Run("another hook failed at the end of an epoch", func(t *testing.T) {
		h := checkpointHook(t)
		var calls []string
		log := &tape{name: "log", calls: &calls, fail: map[string]error{"6": errors.New("disk full")}}
		s := newFakeSession()
		fakeLoop(s, 20, 3, log, h).Run(t.Context())
		c, err := artifacts.ReadCheckpoint(h.Checkpoints.Path(5))
		if err != nil {
			t.Fatal(err)
		}
		loss := s.losses[3] + s.losses[4]
		if want := fmt.Sprintf(`{"position":{"epoch":1,"step":2,"steps_per_epoch":3},"epoch":{"steps":2,"sums":{"grad_norm":%v,"loss":%v}}}`, 2*loss, loss); string(c.Data) != want {
			t.Errorf("data %s, want %s", c.Data, want)
		}
	})
	t.Run("a step that cannot be taken back", func(t *testing.T) {
		h := checkpointHook(t)
		h.EverySteps = 4
		var calls []string
		s := newFakeSession()
		log := &tape{name: "log", calls: &calls, fail: map[string]error{"7": errors.New("disk full")}, onStep: func(*training.Loop, *training.StepReport) { s.undoable = false }}
		err := fakeLoop(s, 20, 3, log, h).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "disk full; then the step could not be taken back: nothing to undo") {
			t.Errorf("error %v", err)
		}
		if got := saved(t, h); !slices.Equal(got, []int64{4}) {
			t.Errorf("checkpoints %v", got)
		}
	})
	t.Run("diverged", func(t *testing.T) {
		h := checkpointHook(t)
		h.EverySteps = 4
		s := newFakeSession()
		s.changeAt = map[int64]func(metricsMap){7: func(m metricsMap) { m["loss"] = math.NaN() }}
		err := fakeLoop(s, 20, 3, h).Run(t.Context())
		var diverged *training.DivergedError
		if !errors.As(err, &diverged) || diverged.Kept != h.Checkpoints.Path(4) || !strings.Contains(err.Error(), "is kept: "+h.Checkpoints.Path(4)) {
			t.Errorf("error %v", err)
		}
		if got := saved(t, h); !slices.Equal(got, []int64{4}) {
			t.Errorf("checkpoints %v", got)
		}
	})
}

// TestCheckpointHookCannotWrite: the error is one line with the path, and is not
// repeated by a second attempt.
func TestCheckpointHookCannotWrite(t *testing.T) {
	h := checkpointHook(t)
	h.EverySteps = 4
	if err := os.Remove(h.Checkpoints.Dir); err != nil {
		t.Fatal(err)
	}
	err := fakeLoop(newFakeSession(), 20, 3, h).Run(t.Context())
	if err == nil || strings.Count(err.Error(), "000004.safetensors") != 1 || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), filepath.Dir(h.Checkpoints.Dir)) {
		t.Errorf("error %v", err)
	}
}
