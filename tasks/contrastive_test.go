package tasks_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/step"

	"pmx/builders"
	"pmx/internal/golden"
	"pmx/onnxgraph"
)

// tiny is the smallest configuration that has every part of a method.
func tiny(method string) tasks.Contrastive {
	return tasks.Contrastive{
		Method: method, SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 8, PatchSize: 2, Dim: 8, Depth: 2, Heads: 2, MLPRatio: 2},
			ProjLayers: 2, PredLayers: 2, Hidden: 8, OutDim: 4, Batch: 4, MomentumEncoder: true,
			MixNum: builders.IntSet{2}, LocalCrops: 1, LocalSize: 4, DropPath: 0.1, ClipGrad: 3,
		}}
}

// randomBatch draws a feed for each port: normal images, row-stochastic targets,
// nothing dropped.
func randomBatch(s *step.Step, seed uint64) map[string]*onnxgraph.Tensor {
	rng := rand.New(rand.NewPCG(seed, 1))
	feeds := map[string]*onnxgraph.Tensor{}
	for _, p := range s.Batch {
		data := make([]float32, onnxgraph.Shape(p.Shape).Size())
		for i := range data {
			switch {
			case p.Name == "drop_path":
				data[i] = 1
			case strings.HasPrefix(p.Name, "target"):
				n := p.Shape[1]
				if i/n == i%n {
					data[i] = 0.7
				} else {
					data[i] = 0.3 / float32(n-1)
				}
			default:
				data[i] = float32(rng.NormFloat64())
			}
		}
		feeds[p.Name] = onnxgraph.NewTensor(p.Shape, data)
	}
	return feeds
}

func hyper(s *step.Step, lr float64) map[string]*onnxgraph.Tensor {
	values := map[string]float64{step.HyperLR: lr, step.HyperWeightDecay: 0.04, builders.HyperTemperature: 0.2, builders.HyperEMAMomentum: 0.99}
	out := map[string]*onnxgraph.Tensor{}
	for _, h := range s.Hyper {
		out[h.Name] = onnxgraph.NewTensor([]int{1}, []float64{values[h.Name]})
	}
	return out
}

// run takes n steps on one random batch and returns each step's loss and the last state.
func run(t *testing.T, s *step.Step, n int) (losses []float64, state map[string]*onnxgraph.Tensor) {
	t.Helper()
	return runOn(t, s, randomBatch(s, 3), n)
}

func runOn(t *testing.T, s *step.Step, batch map[string]*onnxgraph.Tensor, n int) (losses []float64, state map[string]*onnxgraph.Tensor) {
	t.Helper()
	eval := onnxgraph.NewEvaluator(s.Model.Graph)
	state = s.InitialState(7)
	for range n {
		feeds := hyper(s, 2e-3)
		for name, x := range batch {
			feeds[name] = x
		}
		for _, st := range s.State {
			feeds[st.In] = state[st.Name]
		}
		out, err := eval.Run(feeds)
		if err != nil {
			t.Fatal(err)
		}
		next := map[string]*onnxgraph.Tensor{}
		for _, st := range s.State {
			next[st.Name] = out[st.Out]
		}
		state = next
		losses = append(losses, out["loss"].Float64s()[0])
		for _, m := range s.Metrics {
			if v := out[m].Float64s()[0]; math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("metric %s is %v", m, v)
			}
		}
	}
	return losses, state
}

// TestMethods holds for every registered method, so that a new one is tested
// without a line here.
func TestMethods(t *testing.T) {
	for _, m := range methods() {
		t.Run(m.Name, func(t *testing.T) {
			s, err := build(tiny(m.Name))
			if err != nil {
				t.Fatal(err)
			}
			t.Run("golden", func(t *testing.T) { golden.Text(t, m.Name+".onnxtxt", s.Model.Graph.String()) })
			t.Run("gradients", func(t *testing.T) {
				_, state := run(t, s, 1)
				for _, st := range s.State {
					if st.Kind != step.Moment1 {
						continue
					}
					sum := 0.0
					for _, v := range state[st.Name].Float64s() {
						sum += v * v
					}
					// The final norm's bias is removed by the batch norm behind it.
					if (sum == 0 || math.IsNaN(sum)) && !strings.HasSuffix(st.Name, "base_encoder.norm.bias") {
						t.Errorf("the gradient behind %s is %v", st.Name, sum)
					}
				}
			})
			t.Run("learns", func(t *testing.T) {
				losses, _ := run(t, s, 20)
				if first, last := losses[0], losses[len(losses)-1]; !(last < 0.9*first) {
					t.Errorf("20 steps on one batch took the loss from %.4f to %.4f only", first, last)
				}
			})
			t.Run("description", func(t *testing.T) { checkDescription(t, s) })
		})
	}
}

// checkDescription reads the step file's metadata back and holds it against the graph.
func checkDescription(t *testing.T, s *step.Step) {
	var read step.Step
	if err := json.Unmarshal([]byte(s.Model.Metadata[step.Property]), &read); err != nil {
		t.Fatal(err)
	}
	inputs, outputs := map[string]*onnxgraph.Value{}, map[string]*onnxgraph.Value{}
	for _, v := range s.Model.Graph.Inputs() {
		inputs[v.Name] = v
	}
	for _, v := range s.Model.Graph.Outputs() {
		outputs[v.Name] = v
	}
	claim := func(set map[string]*onnxgraph.Value, name, dtype string, shape []int) {
		v := set[name]
		if v == nil || v.DType.String() != dtype || !v.Shape.Equal(shape) {
			t.Errorf("the description's %s %s%v is not in the graph", name, dtype, shape)
		}
		delete(set, name)
	}
	for _, st := range read.State {
		claim(inputs, st.In, st.DType, st.Shape)
		claim(outputs, st.Out, st.DType, st.Shape)
	}
	for _, p := range read.Batch {
		claim(inputs, p.Name, p.DType, p.Shape)
	}
	for _, h := range read.Hyper {
		claim(inputs, h.Name, "float", []int{1})
	}
	for _, m := range read.Metrics {
		claim(outputs, m, "float", []int{1})
	}
	for name := range inputs {
		t.Errorf("input %s is not described", name)
	}
	for name := range outputs {
		t.Errorf("output %s is not described", name)
	}
}

func TestDropPathZeroHasNoInput(t *testing.T) {
	c := tiny("patchmix")
	c.DropPath = 0
	s, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Model.Graph.Inputs() {
		if v.Name == "drop_path" {
			t.Error("drop_path=0 leaves the input drop_path")
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(c *tasks.Contrastive)
		want   string
	}{
		{func(c *tasks.Contrastive) { c.PatchSize = 3 }, "image_size 8 is not a multiple of patch_size 3"},
		{func(c *tasks.Contrastive) { c.Heads = 3 }, "dim 8 is not a multiple of heads 3"},
		{func(c *tasks.Contrastive) { c.LocalSize = 5 }, "local_size 5 is not a positive multiple of patch_size 2"},
		{func(c *tasks.Contrastive) { c.MixNum = builders.IntSet{3} }, "mix_num 3 needs a batch of at least 5"},
		{func(c *tasks.Contrastive) { c.LocalCrops, c.PatchSize = 0, 8 }, "mix_num 2 is more than an image has patches"},
		{func(c *tasks.Contrastive) { c.DropPath = 1 }, "drop_path is 1"},
		{func(c *tasks.Contrastive) { c.ClipGrad = math.NaN() }, "clip_grad is NaN"},
		{func(c *tasks.Contrastive) { c.Depth = 0 }, "depth is 0, want 1 to 1024"},
		{func(c *tasks.Contrastive) { c.Dim = 100_000_000_000 }, "dim is 100000000000, want 1 to 65536"},
		{func(c *tasks.Contrastive) { c.MixNum = nil }, "mix_num is empty"},
		{func(c *tasks.Contrastive) { c.Method = "patchmx" }, `did you mean "patchmix"`},
	} {
		config := tiny("patchmix")
		c.change(&config)
		if _, err := build(config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, got %v", c.want, err)
		}
	}
}

// TestEqualImages: of black images a batch norm makes rows of zeros, whose direction
// is not defined. The gradient through them is finite all the same, as
// torch.nn.functional.normalize's is.
func TestEqualImages(t *testing.T) {
	for _, m := range methods() {
		t.Run(m.Name, func(t *testing.T) {
			s, err := build(tiny(m.Name))
			if err != nil {
				t.Fatal(err)
			}
			batch := randomBatch(s, 3)
			for name, x := range batch {
				if len(x.Shape()) == 4 {
					batch[name] = onnxgraph.Zeros(x.DType(), x.Shape())
				}
			}
			_, state := runOn(t, s, batch, 2)
			for name, x := range state {
				for _, v := range x.Float64s() {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Fatalf("%s has %v", name, v)
					}
				}
			}
		})
	}
}

// methods lists the tasks of contrastive pre-training.
func methods() []*tasks.Task {
	var out []*tasks.Task
	for _, task := range tasks.All() {
		if _, ok := task.New().(*tasks.Contrastive); ok {
			out = append(out, task)
		}
	}
	return out
}

// build builds the step of a configuration.
func build(c tasks.Contrastive) (*step.Step, error) {
	return tasks.BuildStep(context.Background(), &c)
}

// buildORTTraining builds the artifacts of a configuration.
func buildORTTraining(c tasks.Contrastive) (*builders.ORTTraining, error) {
	return tasks.BuildORTTraining(&c)
}
