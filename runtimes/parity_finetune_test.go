package runtimes_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/internal/recording"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/step"
	"pmx/tasks"
)

// What fixtures/supervised asks of float32; the same modules in float64 differ from the
// recording by at most 1.2e-7, 1.2e-6, 1.6e-6 and 1.4e-7.
const (
	supervisedLossTolerance      = 1e-5 // relative
	logitTolerance               = 2e-5 // absolute
	supervisedGradientTolerance  = 1e-4 // of the tensor's largest entry
	supervisedParameterTolerance = 5e-6 // absolute
)

// finetuneFixture is a recording of timm's or MAE's fine-tuning.
type finetuneFixture struct {
	*recording.File
	recipe *tasks.Finetune
	steps  int
	groups []struct {
		Scale       float64
		WeightDecay float64 `json:"weight_decay"`
		Names       []string
	}
}

func openFinetuneFixture(t *testing.T, name string) *finetuneFixture {
	t.Helper()
	f := &finetuneFixture{File: recording.Open(t, "supervised/"+name+".safetensors")}
	var c struct {
		Img, Patch, Dim, Depth, Heads, Classes, Batch, Steps int
		MLPRatio                                             int `json:"mlp_ratio"`
		Grouping, Pool                                       string
		DropPath                                             float64 `json:"drop_path"`
		LayerDecay                                           float64 `json:"layer_decay"`
	}
	f.Meta(t, "config", &c)
	f.Meta(t, "groups", &f.groups)
	task, err := tasks.Lookup("finetune")
	if err != nil {
		t.Fatal(err)
	}
	f.recipe = task.New().(*tasks.Finetune)
	f.recipe.ClassifierConfig = builders.ClassifierConfig{
		ViTConfig: builders.ViTConfig{ImageSize: c.Img, PatchSize: c.Patch, Dim: c.Dim, Depth: c.Depth, Heads: c.Heads, MLPRatio: c.MLPRatio},
		Classes:   c.Classes, Pool: c.Pool, DropPath: c.DropPath, Batch: c.Batch,
	}
	f.recipe.LayerDecay, f.recipe.LayerDecayGroups, f.steps = c.LayerDecay, c.Grouping, c.Steps
	return f
}

// tensor is a recorded float tensor.
func (f *finetuneFixture) tensor(t *testing.T, name string) *onnxgraph.Tensor {
	t.Helper()
	return onnxgraph.NewTensor(f.Shape(t, name), slices.Clone(f.Floats(t, name)))
}

// TestFinetuneParity runs every step of every recorded fine-tuning on every runtime
// and compares logits, losses, gradients and updated parameters.
func TestFinetuneParity(t *testing.T) {
	for _, name := range []string{"finetune_timm", "finetune_beit", "finetune_pool"} {
		f := openFinetuneFixture(t, name)
		onEveryRuntime(t, name, func(t *testing.T, r runtimes.Runtime, o runtimes.Options) { f.check(t, r, o) })
	}
}

func (f *finetuneFixture) check(t *testing.T, r runtimes.Runtime, o runtimes.Options) {
	built, err := tasks.BuildStep(t.Context(), f.recipe)
	if err != nil {
		t.Fatal(err)
	}
	session, err := r.NewSession(built, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	logits := newStepLogits(t, r, o, f.recipe)
	defer logits.Close()
	state := built.InitialState(0)
	for _, s := range built.State {
		if s.Kind == step.Param {
			state[s.Name] = f.tensor(t, "init/"+s.Name)
		}
	}
	if err := session.SetState(state); err != nil {
		t.Fatal(err)
	}
	for k := range f.steps {
		at := fmt.Sprintf("step%d/", k)
		feeds := map[string]*onnxgraph.Tensor{
			builders.ImageFeed: f.tensor(t, at+"images"), builders.TargetFeed: f.tensor(t, at+"target"), builders.DropPathFeed: f.tensor(t, at+"drop_path"),
		}
		hyper := map[string]float64{step.HyperLR: f.headRate(t, k), step.HyperWeightDecay: 0.05}
		if state, err = session.State(); err != nil {
			t.Fatal(err)
		}
		within(t, at+"logits", logits.run(t, built, state, feeds, hyper)[0], f.Floats(t, at+"logits"), logitTolerance)

		metrics, err := session.Step(t.Context(), feeds, hyper)
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(f.Floats(t, at+"loss")[0]); !(math.Abs(metrics["loss"]-want) <= supervisedLossTolerance*want) {
			t.Errorf("step %d: loss = %.8g, want %.8g", k, metrics["loss"], want)
		}
		before := state
		if state, err = session.State(); err != nil {
			t.Fatal(err)
		}
		f.checkGradients(t, k, built, before, state)
		for _, s := range built.State {
			if s.Kind == step.Param {
				within(t, at+s.Name, state[s.Name], f.Floats(t, at+"param/"+s.Name), supervisedParameterTolerance, undetermined(s.Name, state[s.Name].Size()))
			}
		}
	}
}

// headRate is the recorded learning rate of the group of scale 1.
func (f *finetuneFixture) headRate(t *testing.T, k int) float64 {
	t.Helper()
	for i, g := range f.groups {
		if g.Scale == 1 {
			return f.Doubles(t, "schedule/lr")[k*len(f.groups)+i]
		}
	}
	t.Fatal("no group has scale 1")
	return 0
}

// checkGradients recovers the gradient from the first moments around a step:
// m' = 0.9 m + 0.1 g. One fixture has recorded only those of its first step.
func (f *finetuneFixture) checkGradients(t *testing.T, k int, built *step.Step, before, after step.State) {
	t.Helper()
	for _, s := range built.State {
		name, isMoment := strings.CutPrefix(s.Name, string(step.Moment1)+".")
		recorded := fmt.Sprintf("step%d/grad/%s", k, name)
		if !isMoment || k > 0 && !f.Has(recorded) {
			continue
		}
		was, is, want := before[s.Name].Float64s(), after[s.Name].Float64s(), f.tensor(t, recorded).Float64s()
		got := make([]float64, len(is))
		for i := range got {
			got[i] = (is[i] - 0.9*was[i]) / 0.1
		}
		if worst, largest := worstDifference(got, want, undetermined(name, len(want))); !(worst <= supervisedGradientTolerance*largest) {
			t.Errorf("step %d: gradient of %s differs by %.3g of its largest entry %.3g", k, name, worst/largest, largest)
		}
	}
}

// TestFinetuneGroups compares the rate and weight decay of every parameter with the
// recorded groups.
func TestFinetuneGroups(t *testing.T) {
	for _, name := range []string{"finetune_timm", "finetune_beit", "finetune_pool"} {
		f := openFinetuneFixture(t, name)
		plan, err := f.recipe.Plan()
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]*builders.Param{}
		built, err := builders.Build(plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range built.State {
			if s.Kind == step.Param {
				params[s.Name] = &builders.Param{Name: s.Name, Shape: s.Shape}
			}
		}
		for _, g := range f.groups {
			for _, param := range g.Names {
				p := params[param]
				if p == nil {
					t.Errorf("%s: there is no parameter %s", name, param)
					continue
				}
				if got := plan.Groups(p); math.Abs(got.Rate-g.Scale) > 1e-12 || (got.Decay == 1) != (g.WeightDecay > 0) {
					t.Errorf("%s: %s has %+v, want rate %g and weight decay %g", name, param, got, g.Scale, g.WeightDecay)
				}
				delete(params, param)
			}
		}
		for param := range params {
			t.Errorf("%s: %s is in no recorded group", name, param)
		}
	}
}
