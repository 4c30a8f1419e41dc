package training_test

import (
	"context"
	"testing"

	"pmx/builders"
	"pmx/internal/memtest"
	"pmx/onnxgraph"
	"pmx/training"
)

// leakStep is about the smallest step there is, with a feed of each kind.
func leakStep(t *testing.T) (*builders.Step, map[string]*onnxgraph.Tensor) {
	t.Helper()
	step, err := builders.Build(builders.Config{
		Method: "mocov3", ImageSize: 2, PatchSize: 1, Dim: 4, Depth: 1, Heads: 1, MLPRatio: 1,
		ProjLayers: 1, PredLayers: 1, Hidden: 4, OutDim: 4, Batch: 4, MomentumEncoder: true, DropPath: 0.1, ClipGrad: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{}
	for _, p := range step.Batch {
		x := onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
		for i := range onnxgraph.Data[float32](x) {
			onnxgraph.Data[float32](x)[i] = float32(i*i%17) / 8
		}
		feeds[p.Name] = x
	}
	return step, feeds
}

// TestSessionKeepsNoMemory watches memory over thousands of steps on stock ONNX
// Runtime. A tensor of a feed that is not given back takes some 200 bytes, which
// would be 400 KB a run.
func TestSessionKeepsNoMemory(t *testing.T) {
	runtime := openRuntime(t, "ort")
	step, feeds := leakStep(t)
	session, err := runtime.NewSession(step, training.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.SetState(step.InitialState(1)); err != nil {
		t.Fatal(err)
	}
	hyper := map[string]float64{}
	for _, h := range step.Hyper {
		hyper[h.Name] = 1e-3
	}
	hyper[builders.HyperTemperature] = 0.2
	memtest.Grows(t, 128<<10, func() {
		for k := range 2000 {
			if _, err := session.Step(context.Background(), feeds, hyper); err != nil {
				t.Fatal(err)
			}
			if k%100 == 0 {
				if err := session.Undo(); err != nil {
					t.Fatal(err)
				}
				if _, err := session.State(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestInferenceKeepsNoMemory does the same with a model whose outputs the library
// allocates, of another size in each run.
func TestInferenceKeepsNoMemory(t *testing.T) {
	runtime := openRuntime(t, "ort")
	g, err := onnxgraph.Build("double", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, onnxgraph.Dynamic, 8)
		g.Output("y", onnxgraph.Apply("Add", nil, x, x))
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := runtime.NewInference(&onnxgraph.Model{Graph: g}, training.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	memtest.Grows(t, 128<<10, func() {
		for k := range 5000 {
			x := onnxgraph.Zeros(onnxgraph.Float32, []int{1 + k%5, 8})
			if _, err := session.Run(map[string]*onnxgraph.Tensor{"x": x}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
