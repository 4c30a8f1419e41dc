package orttraining_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// TestTraining compares twenty steps with the same in float64.
func TestTraining(t *testing.T) {
	state := load(t, initial())
	s := start(t, state)
	e := newExpected()
	if got := fmt.Sprint(s.TrainingInputs(), s.TrainingOutputs(), s.EvalInputs(), s.EvalOutputs()); got != "[x target] [loss] [x target] [loss y]" {
		t.Errorf("inputs and outputs are %s", got)
	}
	for k := range 20 {
		rate := lr * float64(20-k) / 20
		if err := s.SetLearningRate(float32(rate)); err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("loss of step %d", k), trainStep(t, s, k), e.train(feeds(k)))
		e.optimize(rate)
		for i, p := range e.parameters() {
			got, err := state.Parameter(parameterShapes[i].name)
			if err != nil {
				t.Fatal(err)
			}
			nearAll(t, fmt.Sprintf("step %d: %s", k, parameterShapes[i].name), got, *p)
		}
	}
	rate, err := s.LearningRate()
	if err != nil || rate != float32(lr)/20 {
		t.Errorf("learning rate %v, %v, want %v", rate, err, float32(lr)/20)
	}
	out, err := s.EvalStep(feeds(30))
	near(t, "evaluation", lossOf(t, out, err), e.train(feeds(30)))
}

// TestAccumulation takes two batches to one update.
func TestAccumulation(t *testing.T) {
	state := load(t, initial())
	s := start(t, state)
	e := newExpected()
	for round := range 3 {
		for k := range 2 {
			out, err := s.TrainStep(feeds(2*round + k))
			near(t, "loss", lossOf(t, out, err), e.train(feeds(2*round+k)))
		}
		if err := s.OptimizerStep(); err != nil {
			t.Fatal(err)
		}
		if err := s.ResetGradients(); err != nil {
			t.Fatal(err)
		}
		e.optimize(lr)
	}
	w1, err := state.Parameter("W1")
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "W1", w1, e.w1)
}

// TestResume saves after five steps and continues in another session: the next five
// steps are bit for bit those of the first one.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	state := load(t, initial())
	s := start(t, state)
	for k := range 5 {
		trainStep(t, s, k)
	}
	if err := state.Save(path, true); err != nil {
		t.Fatal(err)
	}
	var want []float64
	for k := 5; k < 10; k++ {
		want = append(want, trainStep(t, s, k))
	}
	wantW2, err := state.Parameter("W2")
	if err != nil {
		t.Fatal(err)
	}

	loaded, err := library(t).LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	resumed := start(t, loaded)
	var got []float64
	for k := 5; k < 10; k++ {
		got = append(got, trainStep(t, resumed, k))
	}
	if !slices.Equal(got, want) {
		t.Errorf("losses %v, want %v", got, want)
	}
	w2, err := loaded.Parameter("W2")
	if err != nil || !bytes.Equal(w2.Bytes(), wantW2.Bytes()) {
		t.Errorf("W2 differs after a resume (%v)", err)
	}
}

// TestCheckpointBothWays has each side read what the other wrote: parameters,
// moments, step and properties.
func TestCheckpointBothWays(t *testing.T) {
	c := initial()
	c.Frozen = []ortcheckpoint.Parameter{{Name: "frozen", Value: values(7, 2, 2)}}
	c.Ints, c.Floats, c.Strings = map[string]int64{"epoch": 1 << 40}, map[string]float32{"lr": 0.25}, map[string]string{"method": "patchmix"}
	state := load(t, c)
	for name, want := range map[string]any{"epoch": int64(1 << 40), "lr": float32(0.25), "method": "patchmix"} {
		if got, err := state.Property(name); err != nil || got != want {
			t.Errorf("property %s = %v (%v), want %v", name, got, err, want)
		}
	}
	for name, v := range map[string]any{"batches": int64(-3), "best": float32(0.5), "note": "x y"} {
		if err := state.SetProperty(name, v); err != nil {
			t.Fatal(err)
		}
	}
	s, e := start(t, state), newExpected()
	for k := range 3 {
		trainStep(t, s, k)
		e.train(feeds(k))
		e.optimize(lr)
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := state.Save(path, true); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := ortcheckpoint.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(saved.Trainable) != 4 || len(saved.Frozen) != 1 || !bytes.Equal(saved.Frozen[0].Value.Bytes(), c.Frozen[0].Value.Bytes()) {
		t.Errorf("saved %d trainable and %d frozen parameters, want 4 and the 1 as it was", len(saved.Trainable), len(saved.Frozen))
	}
	if len(saved.Groups) != 1 || saved.Groups[0].Name != "group0" || saved.Groups[0].Step != 3 {
		t.Fatalf("optimizer groups %+v, want one group0 at step 3", saved.Groups)
	}
	if got, want := fmt.Sprint(saved.Ints, saved.Floats, saved.Strings), "map[batches:-3 epoch:1099511627776] map[best:0.5 lr:0.25] map[method:patchmix note:x y]"; got != want {
		t.Errorf("properties %s, want %s", got, want)
	}
	index := map[string]int{}
	for i, p := range parameterShapes {
		index[p.name] = i
	}
	for _, p := range saved.Trainable {
		nearAll(t, p.Name, p.Value, *e.parameters()[index[p.Name]])
	}
	for _, m := range saved.Groups[0].Moments {
		nearAll(t, "first moment of "+m.Param, m.First, e.m[index[m.Param]])
		nearAll(t, "second moment of "+m.Param, m.Second, e.v[index[m.Param]])
	}
	if n := len(saved.Groups[0].Moments); n != 4 {
		t.Errorf("moments of %d parameters, want 4", n)
	}

	// What pmx writes of it trains on as what the library wrote.
	again := start(t, load(t, saved))
	if got, want := trainStep(t, again, 3), trainStep(t, s, 3); got != want {
		t.Errorf("loss %v behind a rewritten checkpoint, want %v", got, want)
	}
}

func TestSetParameter(t *testing.T) {
	state := load(t, initial())
	s := start(t, state)
	w := values(77, hidden, in)
	if err := state.SetParameter("W1", w); err != nil {
		t.Fatal(err)
	}
	got, err := state.Parameter("W1")
	if err != nil || !bytes.Equal(got.Bytes(), w.Bytes()) {
		t.Errorf("W1 = %v (%v), want what was set", got, err)
	}
	e := newExpected()
	e.w1 = w.Float64s()
	near(t, "loss", trainStep(t, s, 0), e.train(feeds(0)))
	wantError(t, state.SetParameter("W9", w), "W9")
	wantError(t, state.SetParameter("W1", values(0, in, hidden)), "W1")
	_, err = state.Parameter("W9")
	wantError(t, err, "W9")
}

// TestExport exports the trained network and runs it in a plain session.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	m := artifacts(t)
	paths := orttraining.ModelFiles{Training: filepath.Join(dir, "training_model.onnx"), Eval: filepath.Join(dir, "eval_model.onnx"), Optimizer: filepath.Join(dir, "optimizer_model.onnx")}
	for path, data := range map[string][]byte{paths.Training: m.Training, paths.Eval: m.Eval, paths.Optimizer: m.Optimizer} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	options := sessionOptions(t, orttraining.Options{})
	s, err := library(t).NewTrainingSessionFromFiles(load(t, initial()), paths, options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for k := range 3 {
		trainStep(t, s, k)
	}
	out, err := s.EvalStep(feeds(9))
	if err != nil {
		t.Fatal(err)
	}
	want := out["y"]
	exported := filepath.Join(dir, "net.onnx")
	if err := s.Export(exported, "y"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exported)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := library(t).NewSession(data, options)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if got := fmt.Sprint(plain.Inputs(), plain.Outputs()); got != "[x] [y]" {
		t.Errorf("the exported model has inputs and outputs %s, want [x] [y]", got)
	}
	got, err := plain.RunFeeds(map[string]*onnxgraph.Tensor{"x": feeds(9)["x"]})
	if err != nil {
		t.Fatal(err)
	}
	nearAll(t, "y", got["y"], want.Float64s())
	wantError(t, s.Export(filepath.Join(dir, "none.onnx"), "nothing"), "nothing")
}

// TestStateOutlivesItsSessions closes in the order that the library forbids.
func TestStateOutlivesItsSessions(t *testing.T) {
	state := load(t, initial())
	s, e := start(t, state), newExpected()
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	near(t, "loss", trainStep(t, s, 0), e.train(feeds(0)))
	_, err := state.Parameter("W1")
	wantError(t, err, "closed")
	for range 2 { // closing twice does no harm
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
