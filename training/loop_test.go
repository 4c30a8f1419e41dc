package training_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pmx/artifacts"
	"pmx/training"
)

// tape writes down what a hook is called with.
type tape struct {
	name    string
	calls   *[]string
	reports []training.StepReport
	fail    map[string]error // by call
	onStep  func(l *training.Loop, r *training.StepReport)
	cause   error
	ended   context.Context
}

func (h *tape) note(call string) error {
	*h.calls = append(*h.calls, h.name+" "+call)
	return h.fail[call]
}

func (h *tape) Start(context.Context, *training.Loop) error { return h.note("start") }

func (h *tape) Step(_ context.Context, l *training.Loop, r *training.StepReport) error {
	h.reports = append(h.reports, *r)
	if h.onStep != nil {
		h.onStep(l, r)
	}
	return h.note(fmt.Sprint(r.Step))
}

func (h *tape) End(ctx context.Context, _ *training.Loop, cause error) error {
	h.cause, h.ended = cause, ctx
	return h.note("end")
}

func (h *tape) Record(step int64, values map[string]float64) error {
	return h.note(fmt.Sprintf("record %d %v", step, values))
}

func (h *tape) Flush() error { return h.note("flush") }

func TestLoopOrder(t *testing.T) {
	var calls []string
	a, b := &tape{name: "a", calls: &calls}, &tape{name: "b", calls: &calls}
	b.onStep = func(l *training.Loop, _ *training.StepReport) {
		if err := errors.Join(l.Record(map[string]float64{"knn": .5}), l.Flush()); err != nil {
			t.Error(err)
		}
	}
	s := newFakeSession()
	l := fakeLoop(s, 2, 2, a, b)
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a start", "b start",
		"a 1", "a record 1 map[knn:0.5]", "b record 1 map[knn:0.5]", "a flush", "b flush", "b 1",
		"a 2", "a record 2 map[knn:0.5]", "b record 2 map[knn:0.5]", "a flush", "b flush", "b 2",
		"b end", "a end",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("calls\n%v\nwant\n%v", calls, want)
	}
	if s.count != 2 || l.Done() != 2 || l.Feeder.(*seededFeeder).held != 0 {
		t.Errorf("session did %d steps, loop %d, %d batches held", s.count, l.Done(), l.Feeder.(*seededFeeder).held)
	}
}

// TestLoopMeasuresWait: a feeder that is late is waited for, and the share of that is
// nearly all of the time of steps that compute nothing.
func TestLoopMeasuresWait(t *testing.T) {
	const late = 5 * time.Millisecond
	var calls []string
	h := &tape{calls: &calls}
	l := fakeLoop(newFakeSession(), 2, 2, h)
	l.Feeder.(*seededFeeder).onNext = func(uint64) error { time.Sleep(late); return nil }
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range h.reports {
		if r.Wait < late {
			t.Errorf("step %d waited %v for a batch of %v", r.Step, r.Wait, late)
		}
	}
	if e := h.reports[1].Epoch; !(e.WaitShare > 0 && e.WaitShare*e.Time.Seconds() >= 2*late.Seconds()*(1-1e-9)) {
		t.Errorf("two batches of %v: wait share %g of %v", late, e.WaitShare, e.Time)
	}
}

func TestLoopReports(t *testing.T) {
	var calls []string
	h := &tape{calls: &calls}
	s := newFakeSession()
	l := fakeLoop(s, 7, 3, h)
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.Epochs() != 3 {
		t.Errorf("%d epochs, want 3", l.Epochs())
	}
	for i, r := range h.reports {
		if r.Step != int64(i+1) || r.Metrics["loss"] != s.losses[i] || r.Images != 4 || r.Wait < 0 || r.Compute <= 0 {
			t.Errorf("report %d: %+v", i, r)
		}
		if want := schedules(7)["lr"](int64(i)); r.Hyper["lr"] != want {
			t.Errorf("step %d: lr %g, want %g", r.Step, r.Hyper["lr"], want)
		}
		steps := map[int]int64{2: 3, 5: 3, 6: 1}[i] // in the epoch that ends here
		if (r.Epoch != nil) != (steps > 0) {
			t.Fatalf("step %d: epoch %+v", r.Step, r.Epoch)
		}
		if r.Epoch == nil {
			continue
		}
		var sum float64
		for _, loss := range s.losses[i+1-int(steps) : i+1] {
			sum += loss
		}
		e := r.Epoch
		if e.Epoch != i/3+1 || e.Steps != steps || !(math.Abs(e.Means["loss"]-sum/float64(steps)) <= 1e-15) ||
			!(math.Abs(e.Means["grad_norm"]-2*sum/float64(steps)) <= 1e-15) {
			t.Errorf("step %d: epoch %+v, want mean loss %g of %d steps", r.Step, e, sum/float64(steps), steps)
		}
		if rate := float64(4*steps) / e.Time.Seconds(); !(math.Abs(e.ImagesPerSecond/rate-1) <= 1e-9) || e.WaitShare < 0 || e.WaitShare > 1 {
			t.Errorf("step %d: %g images/s, want %g; wait share %g", r.Step, e.ImagesPerSecond, rate, e.WaitShare)
		}
	}
	if len(h.reports) != 7 {
		t.Errorf("%d reports", len(h.reports))
	}
}

// TestLoopDiverges: a metric that is not finite ends the training with its step,
// which is taken back.
func TestLoopDiverges(t *testing.T) {
	for _, c := range []struct {
		metric string
		value  float64
		want   string
	}{
		{"loss", math.NaN(), "loss is NaN at step 5"},
		{"loss", math.Inf(-1), "loss is -Inf at step 5"},
		{"grad_norm", math.Inf(1), "grad_norm is +Inf at step 5"},
	} {
		t.Run(c.want, func(t *testing.T) {
			var calls []string
			h := &tape{name: "h", calls: &calls}
			s := newFakeSession()
			s.changeAt = map[int64]func(metricsMap){5: func(m metricsMap) {
				m["another"], m[c.metric] = math.NaN(), c.value
				if c.metric != "loss" {
					delete(m, "another")
				}
			}}
			err := fakeLoop(s, 10, 3, h).Run(t.Context())
			var diverged *training.DivergedError
			if !errors.As(err, &diverged) || diverged.Step != 5 || diverged.Metric != c.metric || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "no checkpoint yet") {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if !errors.Is(h.cause, err) || len(h.reports) != 4 {
				t.Errorf("hook ended with %v after %d steps", h.cause, len(h.reports))
			}
			four := newFakeSession()
			l := fakeLoop(four, 10, 3)
			l.Steps = 4
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s.count != 4 || !slices.Equal(s.w, four.w) {
				t.Errorf("state %v after %d steps, want that of four: %v", s.w, s.count, four.w)
			}
		})
	}
}

func TestLoopInterrupted(t *testing.T) {
	hangup := errors.New("SIGTERM")
	for _, c := range []struct {
		name  string
		setup func(stop func(), s *fakeSession, l *training.Loop)
		done  int64
	}{
		{"in a step", func(stop func(), s *fakeSession, _ *training.Loop) {
			s.afterStep = func(step int64) {
				if step == 3 {
					stop()
				}
			}
		}, 3},
		{"between batch and step", func(stop func(), _ *fakeSession, l *training.Loop) {
			l.Feeder.(*seededFeeder).onNext = func(batch uint64) error {
				if batch == 3 {
					stop()
				}
				return nil
			}
		}, 3},
		{"waiting for a batch", func(stop func(), _ *fakeSession, l *training.Loop) {
			l.Feeder.(*seededFeeder).onNext = func(batch uint64) error {
				if batch == 3 {
					stop()
					return context.Canceled
				}
				return nil
			}
		}, 3},
		{"in a hook", func(stop func(), _ *fakeSession, l *training.Loop) {
			l.Hooks = append(l.Hooks, &training.EvalHook{EveryEpochs: 1, Evaluate: func(ctx context.Context, _ *training.Loop) (map[string]float64, error) {
				stop()
				return nil, fmt.Errorf("evaluation: %w", ctx.Err())
			}})
		}, 4},
		{"before the first step", func(stop func(), _ *fakeSession, l *training.Loop) {
			l.Hooks = append(l.Hooks, &training.EvalHook{Untrained: true, Evaluate: func(ctx context.Context, _ *training.Loop) (map[string]float64, error) {
				stop()
				return nil, context.Cause(ctx)
			}})
		}, 0},
		// What is measured then is what the last session owed; its checkpoint is there.
		{"before the first step of a resumed run", func(stop func(), s *fakeSession, l *training.Loop) {
			s.count, l.From = 4, training.Resumed{Step: 4, Path: "checkpoints/000004.safetensors"}
			l.Hooks = append(l.Hooks, &training.EvalHook{EveryEpochs: 1, Evaluate: func(ctx context.Context, _ *training.Loop) (map[string]float64, error) {
				stop()
				return nil, context.Cause(ctx)
			}}, &training.CheckpointHook{})
		}, 4},
		{"in a step of a resumed run", func(stop func(), s *fakeSession, l *training.Loop) {
			s.count, l.From = 4, training.Resumed{Step: 4, Path: "checkpoints/000004.safetensors"}
			s.afterStep = func(int64) { stop() }
		}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var calls []string
			h := &tape{calls: &calls}
			s := newFakeSession()
			l := fakeLoop(s, 20, 4, h)
			c.setup(func() { cancel(hangup) }, s, l)
			err := l.Run(ctx)
			var interrupted *training.InterruptedError
			if !errors.As(err, &interrupted) || interrupted.Step != c.done || !errors.Is(err, hangup) || !strings.Contains(err.Error(), "SIGTERM") {
				t.Errorf("error %v, want an interruption after step %d", err, c.done)
			}
			saved := ""
			if l.From.Step == c.done {
				saved = l.From.Path
			}
			if interrupted != nil && interrupted.Saved != saved {
				t.Errorf("error %v, saved %q, want %q", err, interrupted.Saved, saved)
			}
			if s.count != c.done || l.Done() != c.done || l.Feeder.(*seededFeeder).held != 0 {
				t.Errorf("%d steps done, %d counted, want %d; %d batches held", s.count, l.Done(), c.done, l.Feeder.(*seededFeeder).held)
			}
			if h.ended == nil || h.ended.Err() != nil {
				t.Error("the hook cannot save: its context is done or it was not ended")
			}
		})
	}
}

func TestLoopErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		setup func(s *fakeSession, l *training.Loop, h *tape)
		want  string
		done  int64
	}{
		{"session", func(s *fakeSession, _ *training.Loop, _ *tape) { s.failAt = map[int64]error{3: broken} }, "training: step 3: broken", 2},
		{"feeder", func(_ *fakeSession, l *training.Loop, _ *tape) {
			l.Feeder.(*seededFeeder).onNext = func(batch uint64) error { return map[uint64]error{4: broken}[batch] }
		}, "broken", 4},
		{"hook's step", func(_ *fakeSession, _ *training.Loop, h *tape) { h.fail = map[string]error{"2": broken} }, "broken", 1},
		{"hook's start", func(_ *fakeSession, _ *training.Loop, h *tape) { h.fail = map[string]error{"start": broken} }, "broken", 0},
		{"hook's end", func(_ *fakeSession, _ *training.Loop, h *tape) { h.fail = map[string]error{"end": broken} }, "broken", 6},
		{"step and end", func(s *fakeSession, _ *training.Loop, h *tape) {
			s.failAt = map[int64]error{3: errors.New("no memory")}
			h.fail = map[string]error{"end": broken}
		}, "training: step 3: no memory; then broken", 2},
		{"past the end", func(_ *fakeSession, l *training.Loop, _ *tape) { l.From.Step = 7 }, "has done 7 steps already, asked for are 6", 0},
		{"no whole batch", func(_ *fakeSession, l *training.Loop, _ *tape) { l.Feeder.(*seededFeeder).perEpoch = 0 }, "fewer images than one batch", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls []string
			first, h := &tape{name: "first", calls: &calls}, &tape{name: "h", calls: &calls}
			s := newFakeSession()
			l := fakeLoop(s, 6, 4, first, h)
			c.setup(s, l, h)
			if err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q in one line", err, c.want)
			}
			if s.count != c.done {
				t.Errorf("%d steps done, want %d", s.count, c.done)
			}
			ends := slices.Contains(calls, "first end")
			if starts := slices.Contains(calls, "first start"); starts != ends {
				t.Errorf("hooks are not closed: %v", calls)
			}
			if c.name == "hook's start" && slices.Contains(calls, "h end") {
				t.Error("a hook that did not start was ended")
			}
		})
	}
}

// TestLoopClosesFiles: however a training ends, the files of its hooks are closed.
func TestLoopClosesFiles(t *testing.T) {
	broken := errors.New("broken")
	for name, setup := range map[string]func(l *training.Loop, last *tape){
		"well":             func(*training.Loop, *tape) {},
		"past the end":     func(l *training.Loop, _ *tape) { l.From.Step = 7 },
		"no whole batch":   func(l *training.Loop, _ *tape) { l.Feeder.(*seededFeeder).perEpoch = 0 },
		"later hook start": func(_ *training.Loop, last *tape) { last.fail = map[string]error{"start": broken} },
		"later hook step":  func(_ *training.Loop, last *tape) { last.fail = map[string]error{"2": broken} },
	} {
		t.Run(name, func(t *testing.T) {
			run, err := artifacts.CreateRun(filepath.Join(t.TempDir(), "run"), artifacts.Manifest{}, struct{}{}, false)
			if err != nil {
				t.Fatal(err)
			}
			var calls []string
			last := &tape{calls: &calls}
			l := fakeLoop(newFakeSession(), 6, 4, &training.MetricsHook{Run: run}, &training.TensorBoardHook{Dir: run.Path()}, last)
			setup(l, last)
			if err := l.Run(t.Context()); (err == nil) != (name == "well") {
				t.Errorf("error %v", err)
			}
			run.Close()
			for _, path := range openFiles(t) {
				if strings.HasPrefix(path, run.Path()) {
					t.Errorf("%s is still open", path)
				}
			}
		})
	}
}

// openFiles are the paths of this process's open files.
func openFiles(t *testing.T) (paths []string) {
	t.Helper()
	const folder = "/proc/self/fd"
	entries, err := os.ReadDir(folder)
	if err != nil {
		missing(t, err.Error())
	}
	for _, e := range entries {
		if path, err := os.Readlink(filepath.Join(folder, e.Name())); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// TestEvalHook: when it measures, and that the others hear of it.
func TestEvalHook(t *testing.T) {
	for _, c := range []struct {
		hook training.EvalHook
		want []string
	}{
		{training.EvalHook{EveryEpochs: 2}, []string{"record 4", "record 8"}},
		{training.EvalHook{EveryEpochs: 1, Untrained: true}, []string{"record 0", "record 2", "record 4", "record 6", "record 8"}},
		{training.EvalHook{EveryEpochs: 2, Last: true}, []string{"record 4", "record 8", "record 9"}},
		{training.EvalHook{}, nil},
	} {
		var calls, got []string
		c.hook.Evaluate = func(context.Context, *training.Loop) (map[string]float64, error) {
			return map[string]float64{"k": 1}, nil
		}
		if err := fakeLoop(newFakeSession(), 9, 2, &tape{name: "h", calls: &calls}, &c.hook).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			if record, ok := strings.CutPrefix(call, "h record"); ok {
				got = append(got, "record"+strings.TrimSuffix(record, " map[k:1]"))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.hook, got, c.want)
		}
	}
}
