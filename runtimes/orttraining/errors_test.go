package orttraining_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/orttraining/ortcheckpoint"
	"pmx/runtimes/runtimelib"
)

func TestOpenErrors(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.so")
	_, err := orttraining.Open(none)
	wantError(t, err, "orttraining: "+none+": ")
	wantError(t, err, "`pmx runtime install ort-training` installs a library that fits")
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("not a library\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = orttraining.Open(text)
	wantError(t, err, "orttraining: "+text+": ")
	_, err = orttraining.Open(libraryPath(t, runtimelib.ORT))
	wantError(t, err, "built without the training API")

	// An older release, which would print that it has no such version of its API.
	older := filepath.Join(t.TempDir(), "older.so")
	source := filepath.Join(t.TempDir(), "older.c")
	program := `
#include <stdint.h>
#include <stdlib.h>
static const char *names[] = {"CPUExecutionProvider"};
static void *available(const char ***out, int *n) { *out = names; *n = 1; return NULL; }
static void *release(char **p, int n) { return NULL; }
static void *table[300] = {[125] = available, [126] = release};
static void *api(uint32_t version) { if (version > 18) abort(); return table; }
static const char *version(void) { return "1.18.1"; }
static const struct { void *(*api)(uint32_t); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
`
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("cc", "-shared", "-fPIC", "-o", older, source).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, said)
	}
	_, err = orttraining.Open(older)
	wantError(t, err, older+" is ONNX Runtime 1.18.1, without version 19 of the C API")
}

func TestLibrary(t *testing.T) {
	l := library(t)
	if l != library(t) {
		t.Error("opening the same path twice gives two libraries")
	}
	if l.Version() != "1.19.2" {
		t.Errorf("version %s, want 1.19.2", l.Version())
	}
	if providers := l.Providers(); providers[len(providers)-1] != "CPUExecutionProvider" {
		t.Errorf("providers %v, want CPUExecutionProvider last", providers)
	}
	if l.Loaded().Base() == nil || sessionOptions(t, orttraining.Options{}).Pointer() == nil {
		t.Error("a pointer for custom operators is nil")
	}
}

func TestCheckpointErrors(t *testing.T) {
	l, dir := library(t), t.TempDir()
	_, err := l.LoadCheckpoint(filepath.Join(dir, "none"))
	wantError(t, err, "no such file")
	data, err := ortcheckpoint.Encode(initial())
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = l.LoadCheckpoint(cut)
	wantError(t, err, cut)
	_, err = l.LoadCheckpointBytes(data[:len(data)/2])
	wantError(t, err, "checkpoint of ")
	_, err = l.LoadCheckpointBytes(nil)
	wantError(t, err, "checkpoint of 0 bytes")
	state := load(t, initial())
	wantError(t, state.Save(filepath.Join(dir, "no", "folder"), true), "folder")
	wantError(t, state.SetProperty("x", 1), "want int64, float32 or string")
	_, err = state.Property("none")
	wantError(t, err, "none")
	state.Close()
	wantError(t, state.Save(cut, true), "closed")
}

func TestModelErrors(t *testing.T) {
	l, options := library(t), sessionOptions(t, orttraining.Options{})
	m := artifacts(t)
	_, err := l.NewTrainingSessionFromFiles(load(t, initial()), orttraining.ModelFiles{Training: filepath.Join(t.TempDir(), "none.onnx")}, options)
	wantError(t, err, "no such file")
	_, err = l.NewTrainingSession(load(t, initial()), orttraining.Models{Training: m.Training[:100]}, options)
	wantError(t, err, "ONNX Runtime 1.19.2 refuses the models: ")
	c := initial()
	c.Trainable = c.Trainable[1:]
	wantError(t, firstFault(t, c, m), "W1")
	_, err = l.NewSession([]byte("not a model"), options)
	wantError(t, err, "refuses the model: ")
	_, err = l.NewSession(model(t, nil, []port{{"y", tensorType(onnxgraph.Float32)}}, "y = NoSuchOperator(one)"), options)
	wantError(t, err, "NoSuchOperator")
}

// firstFault gives the error of a session, or of its first step: what the library
// does not see before.
func firstFault(t *testing.T, c *ortcheckpoint.Checkpoint, m orttraining.Models) error {
	s, err := library(t).NewTrainingSession(load(t, c), m, sessionOptions(t, orttraining.Options{}))
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.TrainStep(feeds(0))
	return err
}

func TestStepErrors(t *testing.T) {
	state := load(t, initial())
	s, e := start(t, state), newExpected()
	wrong := func(change func(f map[string]*onnxgraph.Tensor)) error {
		f := feeds(0)
		change(f)
		_, err := s.TrainStep(f)
		return err
	}
	wantError(t, wrong(func(f map[string]*onnxgraph.Tensor) { delete(f, "x") }), "train step: input x is not fed: want [x target]")
	wantError(t, wrong(func(f map[string]*onnxgraph.Tensor) { f["X"] = f["x"] }), "there is no input X: want [x target]")
	wantError(t, wrong(func(f map[string]*onnxgraph.Tensor) { f["x"] = values(0, batch, in+1) }), "x")
	wantError(t, wrong(func(f map[string]*onnxgraph.Tensor) { f["x"] = onnxgraph.Zeros(onnxgraph.Int64, []int{batch, in}) }), "x")
	near(t, "loss after the errors", trainStep(t, s, 0), e.train(feeds(0)))

	bare, err := library(t).NewTrainingSession(state, orttraining.Models{Training: artifacts(t).Training}, sessionOptions(t, orttraining.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	wantError(t, bare.OptimizerStep(), "no optimizer model")
	wantError(t, bare.SetLearningRate(1), "no optimizer model")
	_, err = bare.LearningRate()
	wantError(t, err, "no optimizer model")
	_, err = bare.EvalStep(feeds(0))
	wantError(t, err, "no eval model")
	wantError(t, bare.Export("x.onnx", "y"), "no eval model in a file")

	s.Close()
	_, err = s.TrainStep(feeds(0))
	wantError(t, err, "the training session is closed")
	_, err = s.EvalStep(feeds(0))
	wantError(t, err, "the training session is closed")
	for _, err := range []error{s.OptimizerStep(), s.ResetGradients(), s.SetLearningRate(1), s.Export("x.onnx", "y")} {
		wantError(t, err, "the training session is closed")
	}
	closed := sessionOptions(t, orttraining.Options{})
	closed.Close()
	_, err = library(t).NewTrainingSession(state, artifacts(t), closed)
	wantError(t, err, "the session options are closed")
	state.Close()
	_, err = library(t).NewTrainingSession(state, artifacts(t), sessionOptions(t, orttraining.Options{}))
	wantError(t, err, "the checkpoint state is closed")
}

func TestOptionErrors(t *testing.T) {
	l := library(t)
	_, err := l.NewSessionOptions(orttraining.Options{Optimization: 9})
	wantError(t, err, "there is no optimization level 9")
	_, err = l.NewSessionOptions(orttraining.Options{Threads: -1})
	wantError(t, err, "-1 threads")
	_, err = l.NewSessionOptions(orttraining.Options{CUDA: map[string]string{"device_id": "0"}})
	if len(l.Providers()) == 1 {
		wantError(t, err, "cuda: "+l.Path()+" is built without the CUDA provider")
		wantError(t, err, "`pmx runtime install ort-training --cuda` installs one with it")
	} else if err != nil { // a GPU may be there or not; without one the error says what is missing
		wantError(t, err, "cuda: ")
	}
}
