package runtimes_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/runtimes"
	"pmx/step"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
	"pmx/runtimes/runtimelib"
)

// firstStep opens a session at the first step of a fixture.
func firstStep(t *testing.T, r runtimes.Runtime, f fixture, o runtimes.Options) (s runtimes.Session, built *step.Step, feeds map[string]*onnxgraph.Tensor) {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), &f.config)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = r.NewSession(built, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.SetState(f.initialState(t, built)); err != nil {
		t.Fatal(err)
	}
	feeds = map[string]*onnxgraph.Tensor{}
	for _, port := range built.Batch {
		feeds[port.Name] = f.tensor(t, "step0/"+port.Name)
	}
	return s, built, feeds
}

// TestFusedGradientKernels looks into the trace of a step: the training library
// has run its own kernel for every gradient operator of domain com.microsoft that
// the step file brings a body for.
func TestFusedGradientKernels(t *testing.T) {
	f, o := fixtures(t)[0], options(t)
	o.ProfilePrefix = filepath.Join(t.TempDir(), "trace")
	s, built, feeds := firstStep(t, openRuntime(t, "ort-training"), f, o)
	if _, err := s.Step(context.Background(), feeds, f.hyper(t, built, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // writes the trace
		t.Fatal(err)
	}
	ran := tracedOperators(t, o.ProfilePrefix)
	gradients := gradientOperators(t, built.Model)
	if len(gradients) < 4 {
		t.Fatalf("the step file has bodies of %v only: too little is checked", gradients)
	}
	for _, op := range gradients {
		if !slices.Contains(ran, op) {
			t.Errorf("%s did not run as a kernel", op)
		}
	}
	if slices.Contains(ran, "Erf") {
		t.Error("an Erf ran as a kernel: only bodies of Gelu and GeluGrad have it")
	}
	t.Logf("kernels of %v", gradients)
}

// gradientOperators lists the gradient operators of domain com.microsoft with a body
// in the model. (Gelu, too, has one, but stock ONNX Runtime has its kernel.)
func gradientOperators(t *testing.T, m *onnxgraph.Model) (names []string) {
	t.Helper()
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var message onnxpb.ModelProto
	if err := proto.Unmarshal(data, &message); err != nil {
		t.Fatal(err)
	}
	for _, f := range message.Functions {
		if f.GetDomain() == "com.microsoft" && strings.Contains(f.GetName(), "Grad") {
			names = append(names, f.GetName())
		}
	}
	return names
}

// tracedOperators lists the operators that a trace has timed, in order.
func tracedOperators(t *testing.T, prefix string) []string {
	t.Helper()
	traces, err := filepath.Glob(prefix + "*")
	if err != nil || len(traces) != 1 {
		t.Fatalf("traces %v (%v), want one", traces, err)
	}
	data, err := os.ReadFile(traces[0])
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name string `json:"name"`
		Args struct {
			Op string `json:"op_name"`
		} `json:"args"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	var ran []string
	for _, e := range events {
		if strings.HasSuffix(e.Name, "_kernel_time") {
			ran = append(ran, e.Args.Op)
		}
	}
	return ran
}

// TestTwoLibrariesInOneProcess takes steps on both by turns.
func TestTwoLibrariesInOneProcess(t *testing.T) {
	f := fixtures(t)[0]
	stock, built, feeds := firstStep(t, openRuntime(t, "ort"), f, options(t))
	other, _, _ := firstStep(t, openRuntime(t, "ort-training"), f, options(t))
	for k := range 2 {
		a, err := stock.Step(context.Background(), feeds, f.hyper(t, built, k))
		if err != nil {
			t.Fatal(err)
		}
		b, err := other.Step(context.Background(), feeds, f.hyper(t, built, k))
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(a["loss"] - b["loss"]); !(d <= 2*lossTolerance*math.Abs(a["loss"])) {
			t.Errorf("step %d: losses %.8g and %.8g", k, a["loss"], b["loss"])
		}
	}
}

// TestStepRefuses: what is wrong is one line, and the session continues as before.
func TestStepRefuses(t *testing.T) {
	f := fixtures(t)[0]
	for _, name := range runtimes.RuntimeNames() {
		t.Run(name, func(t *testing.T) {
			s, built, feeds := firstStep(t, openRuntime(t, name), f, options(t))
			hyper := f.hyper(t, built, 0)
			view := feeds["view1"]
			for want, change := range map[string]*onnxgraph.Tensor{
				"view1 is missing":     nil,
				"view1 is float[1 2],": onnxgraph.Zeros(onnxgraph.Float32, []int{1, 2}),
				"view1 is int64":       onnxgraph.Zeros(onnxgraph.Int64, view.Shape()),
			} {
				feeds["view1"] = change
				if _, err := s.Step(context.Background(), feeds, hyper); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want one line with %q", err, want)
				}
			}
			if err := s.Undo(); err == nil {
				t.Error("a step that did not happen was undone")
			}
			feeds["view1"] = view
			first, err := s.Step(context.Background(), feeds, hyper)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Undo(); err != nil {
				t.Fatal(err)
			}
			again, err := s.Step(context.Background(), feeds, hyper)
			if err != nil {
				t.Fatal(err)
			}
			for metric, v := range first {
				if again[metric] != v {
					t.Errorf("%s = %v after Undo, want %v", metric, again[metric], v)
				}
			}
		})
	}
}

// TestORTTrainingMissing names what is not there.
func TestORTTrainingMissing(t *testing.T) {
	r, err := runtimes.LookupRuntime("ort-training")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("device", func(t *testing.T) {
		_, err := r.Version(runtimes.Options{Device: "tpu"})
		if want := `unknown device "tpu": want cpu or cuda`; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	})
	t.Run("cuda by a library for the CPU", func(t *testing.T) {
		o := options(t)
		o.Device, o.Library = "cuda", installed(t, runtimelib.ORTTraining)
		_, err := r.Version(o)
		for _, want := range []string{"built without the CUDA provider", "`pmx runtime install ort-training --cuda`", "needs an NVIDIA driver, CUDA 11.8 ", "cuDNN 8", "--device cpu runs without"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	})
	t.Run("stock library", func(t *testing.T) {
		_, err := r.Version(runtimes.Options{Library: installed(t, runtimelib.ORT)})
		for _, want := range []string{"built without the training API", "`pmx runtime install ort-training`"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	})
	t.Run("not installed", func(t *testing.T) {
		t.Setenv("PMX_CACHE", t.TempDir())
		t.Setenv("PMX_ORT_TRAINING_LIB", "")
		_, err := r.Version(runtimes.Options{})
		if want := "pmx runtime install ort-training"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	})
}

// installed is the path of an installed library.
func installed(t *testing.T, kind runtimelib.Kind) string {
	t.Helper()
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		t.Fatal(err)
	}
	found, err := installer.Find(kind, "")
	if err != nil {
		missing(t, err.Error())
	}
	return found.Path
}
