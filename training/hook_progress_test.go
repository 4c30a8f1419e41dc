package training_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pmx/onnxgraph"
	"pmx/training"
)

// timedFeeder and timedSession take some time, of synctest's clock.
type timedFeeder struct{ training.Feeder }

func (f timedFeeder) Next(ctx context.Context) (feeds map[string]*onnxgraph.Tensor, release func(), err error) {
	time.Sleep(time.Second)
	return f.Feeder.Next(ctx)
}

func slow(l *training.Loop) *training.Loop {
	l.Session.(*fakeSession).afterStep = func(int64) { time.Sleep(3 * time.Second) }
	l.Feeder = timedFeeder{l.Feeder}
	return l
}

// TestProgressPlain: without a terminal, a line per epoch and per evaluation, and
// one now and then. A step waits one second and computes for three: 4 images in
// four seconds, a quarter of it waiting.
func TestProgressPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		knn := &training.EvalHook{EveryEpochs: 1, Untrained: true, Evaluate: func(context.Context, *training.Loop) (map[string]float64, error) {
			return map[string]float64{"knn_top1": 61.25, "knn_top5": 90}, nil
		}}
		l := slow(fakeLoop(newFakeSession(), 10, 5, training.NewProgressHook(&out), knn))
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		const number = `-?\d+\.\d{4}`
		want := []string{
			`step 0  knn_top1 61\.25  knn_top5 90`,
			`step 3/10  loss ` + number + `  1 images/s  step 3 s  data wait 1 s \(25%\)  28s left`,
			`epoch 1/2  step 5/10  loss ` + number + `  grad_norm \S+  lr 0\.00855  1 images/s  step 3 s  data wait 1 s \(25%\)  20s`,
			`step 5  knn_top1 61\.25  knn_top5 90`,
			`step 8/10  loss ` + number + `  1 images/s  step 3 s  data wait 1 s \(25%\)  8s left`,
			`epoch 2/2  step 10/10  loss ` + number + `  grad_norm \S+  lr 0\.000477  1 images/s  step 3 s  data wait 1 s \(25%\)  20s`,
			`step 10  knn_top1 61\.25  knn_top5 90`,
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		for i, line := range lines {
			if i >= len(want) || !regexp.MustCompile("^"+want[i]+"$").MatchString(line) {
				t.Errorf("line %d: %s", i+1, line)
			}
		}
		if len(lines) != len(want) {
			t.Errorf("%d lines, want %d:\n%s", len(lines), len(want), &out)
		}
	})
}

func TestProgressResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := slow(fakeLoop(newFakeSession(), 10, 5, training.NewProgressHook(&out)))
		l.From = training.Resumed{Step: 6, Path: "run/checkpoints/000006.safetensors"}
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"resumed after step 6/10: run/checkpoints/000006.safetensors\n", "step 9/10  ", "  4s left\n", "epoch 2/2  step 10/10"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, &out)
			}
		}
	})
}

// TestProgressBar draws the bar into a buffer and looks at the text.
func TestProgressBar(t *testing.T) {
	var out bytes.Buffer
	h := &training.ProgressHook{Out: &out, Bar: true}
	s := newFakeSession()
	s.afterStep = func(int64) { time.Sleep(time.Millisecond) }
	if err := fakeLoop(s, 10, 5, h).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"step 10/10", "epoch 1/2  step 5/10", "epoch 2/2  step 10/10", " images/s  step ", " ms  wait ", "0s left"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%q", want, &out)
		}
	}
	// It shows the work of another hook, and then the training again.
	out.Reset()
	work := &training.EvalHook{Last: true, Evaluate: func(_ context.Context, l *training.Loop) (map[string]float64, error) {
		l.Progress("features", 0, 1500)
		time.Sleep(500 * time.Millisecond) // more than two refreshes
		l.Progress("features", 1500, 1500)
		return nil, nil
	}}
	if err := fakeLoop(newFakeSession(), 10, 5, h, work).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shown, last := strings.LastIndex(out.String(), "features 0/1,500 (0%)"), strings.LastIndex(out.String(), "0s left"); shown < 0 || last < shown {
		t.Errorf("work at %d, then the training at %d of\n%q", shown, last, &out)
	}
	// Interrupted, it ends too, and what was logged stays.
	out.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	s = newFakeSession()
	s.afterStep = func(step int64) {
		if step == 7 {
			cancel()
		}
	}
	if err := fakeLoop(s, 10, 5, h).Run(ctx); err == nil {
		t.Error("no error")
	}
	for _, want := range []string{"epoch 1/2  step 5/10", "step 7/10"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%q", want, &out)
		}
	}
}

// TestProgressOfWork: another hook's work is shown now and then, each one from its
// own beginning, and by the bar, which comes back to the training afterwards.
func TestProgressOfWork(t *testing.T) {
	measure := &training.EvalHook{EveryEpochs: 1, Untrained: true, Evaluate: func(_ context.Context, l *training.Loop) (map[string]float64, error) {
		for _, what := range []string{"features", "neighbours"} {
			for done := range int64(6) {
				l.Progress(what, 300*done, 1500)
				time.Sleep(5 * time.Second)
			}
		}
		return map[string]float64{"knn_top1": 61.25}, nil
	}}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		if err := fakeLoop(newFakeSession(), 1, 1, training.NewProgressHook(&out), measure).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(out.String(), "step 0 ")
		want := "features 600/1,500 (40%), 60/s, 15s left\nfeatures 1,200/1,500 (80%), 60/s, 5s left\n" +
			"neighbours 0/1,500 (0%)\n" +
			"neighbours 600/1,500 (40%), 60/s, 15s left\nneighbours 1,200/1,500 (80%), 60/s, 5s left\n"
		if before != want {
			t.Errorf("before the first step\n%swant\n%s", before, want)
		}
	})
}

func TestProgressFindsTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if training.NewProgressHook(null).Bar || training.NewProgressHook(&bytes.Buffer{}).Bar {
		t.Error("a bar without a terminal")
	}
}
