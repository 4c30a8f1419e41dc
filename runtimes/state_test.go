package runtimes_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"testing"

	"pmx/step"
	"pmx/tasks"

	"pmx/builders"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/runtimes/device"
)

// The runtimes that can keep the state on a device.
var deviceRuntimes = []string{"ort", "ort-training"}

// TestStateOnDevice: with the state in a memory of ONNX Runtime's, as it is on a GPU,
// every step of every recording gives bit for bit what it gives from Go's memory; so
// do Undo, a session that continues from another's state, and the state before it is set.
func TestStateOnDevice(t *testing.T) {
	for _, name := range deviceRuntimes {
		for _, f := range fixtures(t) {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				r, o := openRuntime(t, name), options(t)
				there := o.WithStateMemory(device.CPU)
				want, built, _ := firstStep(t, r, f, o)
				got, _, _ := firstStep(t, r, f, there)
				sameState(t, "the state that was set", got, want)
				if err := got.Undo(); err == nil {
					t.Error("a step that did not happen was undone")
				}
				for k := range f.steps {
					feeds, hyper := map[string]*onnxgraph.Tensor{}, f.hyper(t, built, k)
					for _, port := range built.Batch {
						feeds[port.Name] = f.tensor(t, fmt.Sprintf("step%d/%s", k, port.Name))
					}
					before, err := got.State()
					if err != nil {
						t.Fatal(err)
					}
					metrics := take(t, want, feeds, hyper)
					for _, what := range []string{"a step", "a step after Undo"} {
						if m := take(t, got, feeds, hyper); !maps.Equal(m, metrics) {
							t.Fatalf("step %d: %s gives %v, want %v", k, what, m, metrics)
						}
						sameState(t, fmt.Sprintf("step %d: %s", k, what), got, want)
						if what == "a step" {
							if err := got.Undo(); err != nil {
								t.Fatal(err)
							}
							if err := got.Undo(); err == nil {
								t.Error("a step was undone twice")
							}
							same(t, fmt.Sprintf("step %d undone", k), state(t, got), before)
						}
					}
					if k < f.steps-1 {
						continue
					}
					next, err := r.NewSession(built, there)
					if err != nil {
						t.Fatal(err)
					}
					for tensor, x := range state(t, next) {
						if !bytes.Equal(x.Bytes(), make([]byte, len(x.Bytes()))) {
							t.Fatalf("%s is not zero before the state is set", tensor)
						}
					}
					if err := next.SetState(before); err != nil {
						t.Fatal(err)
					}
					if m := take(t, next, feeds, hyper); !maps.Equal(m, metrics) {
						t.Errorf("step %d: from another session's state it gives %v, want %v", k, m, metrics)
					}
					sameState(t, fmt.Sprintf("step %d from another session's state", k), next, want)
					if err := next.SetState(before); err != nil {
						t.Fatal(err)
					}
					if err := next.Undo(); err == nil {
						t.Error("a state that was set was undone")
					}
					if err := next.Close(); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

func take(t *testing.T, s runtimes.Session, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) map[string]float64 {
	t.Helper()
	metrics, err := s.Step(context.Background(), feeds, hyper)
	if err != nil {
		t.Fatal(err)
	}
	return metrics
}

func state(t *testing.T, s runtimes.Session) map[string]*onnxgraph.Tensor {
	t.Helper()
	all, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameState(t *testing.T, what string, got, want runtimes.Session) {
	t.Helper()
	same(t, what, state(t, got), state(t, want))
}

func same(t *testing.T, what string, got, want map[string]*onnxgraph.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	for name, w := range want {
		if g := got[name]; g == nil || g.DType() != w.DType() || !g.Shape().Equal(w.Shape()) || !bytes.Equal(g.Bytes(), w.Bytes()) {
			t.Fatalf("%s: %s differs", what, name)
		}
	}
}

// TestStateOnDeviceRefuses: what is wrong is one line, and the state stays as it was.
func TestStateOnDeviceRefuses(t *testing.T) {
	f := fixtures(t)[0]
	for _, name := range deviceRuntimes {
		t.Run(name, func(t *testing.T) {
			r, o := openRuntime(t, name), options(t)
			s, built, feeds := firstStep(t, r, f, o.WithStateMemory(device.CPU))
			_, err := r.NewSession(built, o.WithStateMemory(device.CUDA))
			errtest.OneLine(t, err, `runtimes: device: memory "Cuda" of the session: `)
			before := state(t, s)
			wrong := maps.Clone(before)
			delete(wrong, step.CounterName)
			errtest.OneLine(t, s.SetState(wrong), "runtimes: state: "+step.CounterName+" is missing")
			same(t, "a state that was refused", state(t, s), before)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			const closed = "runtimes: the session is closed"
			_, err = s.State()
			errtest.OneLine(t, err, closed)
			_, err = s.Step(context.Background(), feeds, f.hyper(t, built, 0))
			errtest.OneLine(t, err, closed)
			errtest.OneLine(t, s.SetState(before), closed)
			if err := s.Close(); err != nil {
				t.Errorf("closing twice: %v", err)
			}
		})
	}
}

// TestStateOnDeviceTraced: a trace is that of the step's session; the one that copies
// writes none.
func TestStateOnDeviceTraced(t *testing.T) {
	f := fixtures(t)[0]
	for _, name := range deviceRuntimes {
		t.Run(name, func(t *testing.T) {
			o := options(t).WithStateMemory(device.CPU)
			o.ProfilePrefix = filepath.Join(t.TempDir(), "trace")
			s, built, feeds := firstStep(t, openRuntime(t, name), f, o)
			take(t, s, feeds, f.hyper(t, built, 0))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if ran := tracedOperators(t, o.ProfilePrefix); len(ran) < len(built.State) {
				t.Errorf("the trace has %d operators only", len(ran))
			}
		})
	}
}

// TestStateMemory measures Go's memory: it holds the two sets of a state that lies
// there, and of one on a device nothing.
func TestStateMemory(t *testing.T) {
	built, err := tasks.BuildStep(t.Context(), &tasks.Contrastive{
		Method: "patchmix", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 16, PatchSize: 8, Dim: 192, Depth: 3, Heads: 3, MLPRatio: 4},
			ProjLayers: 3, PredLayers: 2, Hidden: 256, OutDim: 64, Batch: 4, MixNum: builders.IntSet{2},
		}})
	if err != nil {
		t.Fatal(err)
	}
	initial, size := built.InitialState(1), 0
	for _, x := range initial {
		size += len(x.Bytes())
	}
	heap := func() int {
		runtime.GC()
		runtime.GC() // what finalizers held
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	for _, name := range deviceRuntimes {
		t.Run(name, func(t *testing.T) {
			r := openRuntime(t, name)
			held := func(o runtimes.Options) int {
				before := heap()
				s, err := r.NewSession(built, o)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if err := s.SetState(initial); err != nil {
					t.Fatal(err)
				}
				return heap() - before
			}
			if n := held(options(t)); n < 2*size {
				t.Errorf("Go holds %d bytes of a state of twice %d", n, size)
			}
			if n := held(options(t).WithStateMemory(device.CPU)); n > size/8 {
				t.Errorf("Go holds %d bytes of a state of twice %d that lies elsewhere", n, size)
			}
			runtime.KeepAlive(initial)
		})
	}
}

// TestStateOnDeviceIsGivenBack: a session that was used closes all tensors that it has
// on a device, and the memory, which says so if it does not.
func TestStateOnDeviceIsGivenBack(t *testing.T) {
	f := fixtures(t)[0]
	for _, name := range deviceRuntimes {
		t.Run(name, func(t *testing.T) {
			s, built, feeds := firstStep(t, openRuntime(t, name), f, options(t).WithStateMemory(device.CPU))
			take(t, s, feeds, f.hyper(t, built, 0))
			state(t, s)
			for range 2 { // the second time there is nothing to do
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
