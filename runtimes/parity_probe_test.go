package runtimes_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pmx/builders"
	"pmx/internal/recording"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/step"
	"pmx/tasks"
)

// What fixtures/supervised asks of linear probes; the same modules in float64 differ from
// the recording by at most 3.4e-6, 8.2e-6, 6e-7 and 8e-7.
const (
	probeFeatureTolerance  = 3e-5 // absolute, of logits too
	probeWeightTolerance   = 5e-6 // absolute
	probeMomentumTolerance = 5e-6 // absolute
)

// probeFixture is a recording of heads that are trained beside each other: by SGD with
// Nesterov's momentum, by plain SGD, and one behind batch norm by MAE's LARS.
type probeFixture struct {
	*recording.File
	recipe *tasks.Probe
	steps  int
}

func openProbeFixture(t *testing.T) *probeFixture {
	t.Helper()
	f := &probeFixture{File: recording.Open(t, "supervised/linear.safetensors")}
	var c struct {
		Img, Patch, Dim, Depth, Heads, Classes, Batch, Steps int
		MLPRatio                                             int `json:"mlp_ratio"`
		Rates                                                []float64
	}
	f.Meta(t, "config", &c)
	task, err := tasks.Lookup("probe")
	if err != nil {
		t.Fatal(err)
	}
	f.recipe, f.steps = task.New().(*tasks.Probe), c.Steps
	f.recipe.ProbeConfig = builders.ProbeConfig{
		ViTConfig: builders.ViTConfig{ImageSize: c.Img, PatchSize: c.Patch, Dim: c.Dim, Depth: c.Depth, Heads: c.Heads, MLPRatio: c.MLPRatio},
		Classes:   c.Classes, Batch: c.Batch, Rates: c.Rates, Blocks: builders.IntSet{1, 2}, Pool: builders.ProbeBoth, Optimizer: builders.ProbeNesterov,
	}
	return f
}

// with is the recording of another optimizer.
func (f *probeFixture) with(change func(r *tasks.Probe)) *probeFixture {
	other, r := *f, *f.recipe
	change(&r)
	other.recipe = &r
	return &other
}

func (f *probeFixture) tensor(t *testing.T, name string) *onnxgraph.Tensor {
	t.Helper()
	return onnxgraph.NewTensor(f.Shape(t, name), slices.Clone(f.Floats(t, name)))
}

// target is the one-hot classes of a step's images.
func (f *probeFixture) target(t *testing.T, at string) *onnxgraph.Tensor {
	t.Helper()
	labels := f.Ints(t, at+"labels")
	target := onnxgraph.Zeros(onnxgraph.Float32, []int{len(labels), f.recipe.Classes})
	for i, class := range labels {
		onnxgraph.Data[float32](target)[i*f.recipe.Classes+class] = 1
	}
	return target
}

// TestProbeParity runs every step of the recorded linear probes on every runtime and
// compares features, logits, losses, gradients, weights, momenta and statistics.
func TestProbeParity(t *testing.T) {
	f := openProbeFixture(t)
	onEveryRuntime(t, "features", f.checkFeatures)
	for kind, of := range map[string]*probeFixture{
		"nesterov": f, "plain": f.with(func(r *tasks.Probe) { r.Optimizer = builders.ProbeSGD }),
		"mae": f.with(func(r *tasks.Probe) {
			r.Rates, r.Blocks, r.Pool = []float64{1}, builders.IntSet{1}, builders.ProbeToken
			r.Optimizer, r.HeadNorm = builders.ProbeLARS, true
		}),
	} {
		onEveryRuntime(t, kind, func(t *testing.T, r runtimes.Runtime, o runtimes.Options) { of.check(t, kind, r, o) })
	}
}

func (f *probeFixture) checkFeatures(t *testing.T, r runtimes.Runtime, o runtimes.Options) {
	model, err := builders.ProbeFeatures(f.recipe.ProbeConfig, f.encoder(t))
	if err != nil {
		t.Fatal(err)
	}
	inference, err := r.NewInference(model, o)
	if err != nil {
		t.Fatal(err)
	}
	defer inference.Close()
	out, err := inference.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: f.tensor(t, "step0/images")})
	if err != nil {
		t.Fatal(err)
	}
	var want []float32
	dim := f.recipe.Dim
	for i := range f.recipe.Batch {
		for _, name := range []string{"cls_of_block1", "cls_of_block2", "mean_of_patches"} {
			want = append(want, f.Floats(t, "step0/features/"+name)[i*dim:][:dim]...)
		}
	}
	within(t, "features", out[builders.FeaturesFeed], want, probeFeatureTolerance)
}

// encoder is the recorded one, under timm's names.
func (f *probeFixture) encoder(t *testing.T) map[string]*onnxgraph.Tensor {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), f.recipe)
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string]*onnxgraph.Tensor{}
	for _, s := range built.State {
		if s.Kind == step.Frozen {
			weights[s.Name] = f.tensor(t, "encoder/"+s.Name)
		}
	}
	return weights
}

// stacked are recorded tensors of the heads of a feature, below each other. at is such as
// "step0/nesterov/".
func (f *probeFixture) stacked(t *testing.T, at string, feature int, what string) []float32 {
	t.Helper()
	if f.recipe.HeadNorm {
		return f.Floats(t, at+what)
	}
	var out []float32
	for i := range f.recipe.Rates {
		out = append(out, f.Floats(t, fmt.Sprintf("%shead%d/%s", at, feature*len(f.recipe.Rates)+i, what))...)
	}
	return out
}

func (f *probeFixture) check(t *testing.T, kind string, r runtimes.Runtime, o runtimes.Options) {
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
	initial := "init/"
	if f.recipe.HeadNorm {
		initial = "init/mae/"
	}
	state := built.InitialState(0)
	for name, w := range f.encoder(t) {
		state[name] = w
	}
	features := f.recipe.Features()
	for i, feature := range features {
		for _, what := range []string{"weight", "bias"} {
			name := "heads." + feature.Name() + "." + what
			state[name] = onnxgraph.NewTensor(state[name].Shape(), slices.Clone(f.stacked(t, initial, i, what)))
		}
	}
	if err := session.SetState(state); err != nil {
		t.Fatal(err)
	}
	for k := range f.steps {
		at := fmt.Sprintf("step%d/%s/", k, kind)
		feeds := map[string]*onnxgraph.Tensor{builders.ImageFeed: f.tensor(t, fmt.Sprintf("step%d/images", k)), builders.TargetFeed: f.target(t, fmt.Sprintf("step%d/", k))}
		rate := f.Doubles(t, "schedule/"+kind+"/lr")[k*f.headCount()] / f.recipe.Rates[0]
		hyper := map[string]float64{step.HyperLR: rate, step.HyperWeightDecay: 0}
		if state, err = session.State(); err != nil {
			t.Fatal(err)
		}
		for i, l := range logits.run(t, built, state, feeds, hyper) {
			within(t, at+"logits", l, f.interleaved(t, at, i), probeFeatureTolerance)
		}
		metrics, err := session.Step(t.Context(), feeds, hyper)
		if err != nil {
			t.Fatal(err)
		}
		before := state
		if state, err = session.State(); err != nil {
			t.Fatal(err)
		}
		for i, feature := range features {
			f.checkHeads(t, k, kind, i, feature, metrics, before, state)
		}
	}
}

func (f *probeFixture) headCount() int { return len(f.recipe.Rates) * len(f.recipe.Features()) }

// interleaved are the recorded logits of a feature's heads, as the step has them:
// [batch rates classes].
func (f *probeFixture) interleaved(t *testing.T, at string, feature int) []float32 {
	t.Helper()
	all, c := f.stacked(t, at, feature, "logits"), f.recipe.ProbeConfig
	var out []float32
	for image := range c.Batch {
		for head := range c.Rates {
			out = append(out, all[(head*c.Batch+image)*c.Classes:][:c.Classes]...)
		}
	}
	return out
}

// checkHeads compares the heads of a feature after step k.
func (f *probeFixture) checkHeads(t *testing.T, k int, kind string, i int, feature builders.Feature, metrics map[string]float64, before, after step.State) {
	t.Helper()
	at, heads := fmt.Sprintf("step%d/%s/", k, kind), "heads."+feature.Name()+"."
	want := 0.
	losses := f.stacked(t, at, i, "loss")
	for _, loss := range losses {
		want += float64(loss) / float64(len(losses))
	}
	if got := metrics["loss_"+feature.Name()]; !(math.Abs(got-want) <= supervisedLossTolerance*want) {
		t.Errorf("%s: loss of %s = %.8g, want %.8g", at, feature.Name(), got, want)
	}
	for _, what := range []string{"weight", "bias"} {
		moment := string(step.Moment1) + "." + heads + what
		within(t, at+heads+what, after[heads+what], f.stacked(t, at, i, what), probeWeightTolerance)
		within(t, at+moment, after[moment], f.stacked(t, at, i, "momentum_"+what), probeMomentumTolerance)
		// v' = 0.9 v + g, of LARS with its own scale on g.
		was := make([]float32, before[moment].Size())
		if k > 0 {
			was = f.stacked(t, fmt.Sprintf("step%d/%s/", k-1, kind), i, "momentum_"+what)
		}
		got, recorded := make([]float64, len(was)), make([]float64, len(was))
		now, v, v1 := f.stacked(t, at, i, "momentum_"+what), before[moment].Float64s(), after[moment].Float64s()
		for j := range got {
			got[j], recorded[j] = v1[j]-0.9*v[j], float64(now[j])-0.9*float64(was[j])
		}
		if worst, largest := worstDifference(got, recorded, nil); !(worst <= supervisedGradientTolerance*largest) {
			t.Errorf("%sgradient of %s differs by %.3g of its largest entry %.3g", at, heads+what, worst/largest, largest)
		}
	}
	if f.recipe.HeadNorm {
		for _, what := range []string{"running_mean", "running_var"} {
			within(t, at+what, after["head_norm."+feature.Name()+"."+what], f.Floats(t, at+what), probeFeatureTolerance)
		}
	}
}
