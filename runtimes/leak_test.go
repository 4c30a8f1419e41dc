package runtimes_test

import (
	"context"
	"testing"

	"pmx/tasks"

	"pmx/runtimes"
	"pmx/step"

	"pmx/builders"
	"pmx/internal/memtest"
	"pmx/onnxgraph"
)

// leakStep is about the smallest step there is, with a feed of each kind.
func leakStep(t *testing.T) (*step.Step, map[string]*onnxgraph.Tensor) {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), &tasks.Contrastive{
		Method: "mocov3", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 2, PatchSize: 1, Dim: 4, Depth: 1, Heads: 1, MLPRatio: 1},
			ProjLayers: 1, PredLayers: 1, Hidden: 4, OutDim: 4, Batch: 4, MomentumEncoder: true, DropPath: 0.1, ClipGrad: 1,
		}})
	if err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{}
	for _, p := range built.Batch {
		x := onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
		for i := range onnxgraph.Data[float32](x) {
			onnxgraph.Data[float32](x)[i] = float32(i*i%17) / 8
		}
		feeds[p.Name] = x
	}
	return built, feeds
}

// TestSessionKeepsNoMemory watches memory over thousands of steps on stock ONNX
// Runtime. A tensor of a feed that is not given back takes some 200 bytes, which
// would be 400 KB a run.
func TestSessionKeepsNoMemory(t *testing.T) {
	runtime := openRuntime(t, "ort")
	built, feeds := leakStep(t)
	session, err := runtime.NewSession(built, runtimes.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.SetState(built.InitialState(1)); err != nil {
		t.Fatal(err)
	}
	hyper := map[string]float64{}
	for _, h := range built.Hyper {
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
	session, err := runtime.NewInference(&onnxgraph.Model{Graph: g}, runtimes.Options{Threads: 1})
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
