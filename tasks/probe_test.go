package tasks_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"pmx/builders"
	"pmx/images"
	"pmx/internal/recording"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/step"
	"pmx/tasks"
)

// tinyProbe is a probe of heads of two learning rates on two features.
func tinyProbe() *tasks.Probe {
	task, err := tasks.Lookup("probe")
	if err != nil {
		panic(err)
	}
	r := task.New().(*tasks.Probe)
	r.ViTConfig = builders.ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 8, Depth: 2, Heads: 2, MLPRatio: 2}
	r.Classes, r.Batch, r.Blocks, r.Rates = 3, 6, builders.IntSet{1, 2}, []float64{0.5, 0.01}
	return r
}

// TestPublishedProbe compares the learning rate of every epoch of the published probes
// with what their code executes.
func TestPublishedProbe(t *testing.T) {
	var recorded struct {
		Linear []struct {
			Size   string
			Batch  int
			Epochs int
			Rate   []float64
		}
	}
	text, err := os.ReadFile(recording.Glob(t, "supervised/schedules.json")[0])
	if err == nil {
		err = json.Unmarshal(text, &recorded)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(recorded.Linear) == 0 {
		t.Fatal("there are no recorded schedules of linear probes")
	}
	for _, want := range recorded.Linear {
		p, err := tasks.LookupPreset("patchmix-linear")
		if err != nil {
			t.Fatal(err)
		}
		r := p.Recipe().(*tasks.Probe)
		r.Dim, r.Batch, r.Classes = map[string]int{"T": 192, "S": 384, "B": 768}[want.Size], want.Batch, 10
		if r.Epochs != want.Epochs || r.Seed != 7 {
			t.Errorf("%d epochs, seed %d", r.Epochs, r.Seed)
		}
		plan, err := r.Plan()
		if err != nil {
			t.Fatal(err)
		}
		lr := r.Schedules(3)[step.HyperLR]
		for epoch, rate := range want.Rate {
			for _, i := range []int64{0, 2} {
				head := plan.Groups(&builders.Param{Shape: []int{10, r.Dim}}).Parts[0]
				if got := lr(int64(3*epoch)+i) * head; !(math.Abs(got-rate) <= 1e-12*rate) {
					t.Errorf("%s/%d: epoch %d has rate %.17g, want %.17g", want.Size, want.Batch, epoch, got, rate)
				}
			}
		}
	}
}

// TestProbeHeadsLearnAlone: heads beside each other, of an optimizer whose update depends
// on the gradient's size, are what each is when it is trained alone.
func TestProbeHeadsLearnAlone(t *testing.T) {
	for _, optimizer := range []string{builders.ProbeAdamW, builders.ProbeLARS, builders.ProbeNesterov} {
		r := tinyProbe()
		r.Optimizer = optimizer
		state, together := probeSteps(t, r, nil)
		for i, rate := range r.Rates {
			alone := tinyProbe()
			alone.Optimizer, alone.Rates = optimizer, []float64{rate}
			start := step.State{}
			for name, x := range state {
				if rows := x.Shape()[0]; rows == 2*r.Classes && name[:6] == "heads." {
					x = partOf(x, i*r.Classes, r.Classes)
				}
				start[name] = x
			}
			_, got := probeSteps(t, alone, start)
			for _, f := range r.Features() {
				for _, what := range []string{".weight", ".bias"} {
					name := "heads." + f.Name() + what
					want := partOf(together[name], i*r.Classes, r.Classes).Float64s()
					for j, v := range got[name].Float64s() {
						if !(math.Abs(v-want[j]) <= 1e-6) {
							t.Fatalf("%s, rate %g: %s[%d] is %.9g alone and %.9g beside another", optimizer, rate, name, j, v, want[j])
						}
					}
				}
			}
		}
	}
}

// partOf is n rows of x from the first on.
func partOf(x *onnxgraph.Tensor, first, n int) *onnxgraph.Tensor {
	shape := slices.Clone(x.Shape())
	width := x.Size() / shape[0]
	shape[0] = n
	return onnxgraph.NewTensor(shape, slices.Clone(onnxgraph.Data[float32](x)[first*width:][:n*width]))
}

// probeSteps takes three steps on the reference runtime, from parameters of start where
// it has them: the state before and after.
func probeSteps(t *testing.T, r *tasks.Probe, start step.State) (before, after step.State) {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := runtimes.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	session, err := reference.NewSession(built, runtimes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	before = built.InitialState(1)
	for _, s := range built.State {
		if x := start[s.Name]; x != nil && (s.Kind == step.Param || s.Kind == step.Frozen) {
			before[s.Name] = x
		}
	}
	if err := session.SetState(before); err != nil {
		t.Fatal(err)
	}
	for k := range uint64(3) {
		if _, err := session.Step(t.Context(), randomBatch(built, k), map[string]float64{step.HyperLR: 0.1, step.HyperWeightDecay: 0.02}); err != nil {
			t.Fatal(err)
		}
	}
	after, err = session.State()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range built.State {
		if s.Kind == step.Frozen && !slices.Equal(before[s.Name].Bytes(), after[s.Name].Bytes()) {
			t.Errorf("%s of the encoder has changed", s.Name)
		}
	}
	return before, after
}

// TestProbeChoosesWithoutTestImages: other test labels change what is measured, not which
// head is chosen, nor what it is chosen by.
func TestProbeChoosesWithoutTestImages(t *testing.T) {
	reference, err := runtimes.LookupRuntime("reference")
	if err != nil {
		t.Fatal(err)
	}
	r := tinyProbe()
	r.Classes, r.Epochs, r.Cached, r.SelectPart = 0, 3, true, 0.25
	built, err := tasks.BuildStep(t.Context(), tinyProbe())
	if err != nil {
		t.Fatal(err)
	}
	measure := func(test images.Dataset) *tasks.ProbeResult {
		t.Helper()
		result, err := tasks.MeasureProbe(t.Context(), r, tasks.ProbeOptions{
			Env: tasks.Env{Runtime: reference}, Encoder: built.InitialState(3), Train: shades{n: 24, classes: 3}, Test: test,
		})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	a, b := measure(shades{n: 12, classes: 3}), measure(shades{n: 12, classes: 3, shift: 1})
	if a.SelectImages != 6 || a.TrainImages != 18 || a.TestImages != 12 || len(a.Heads) != 8 {
		t.Errorf("result %+v", a)
	}
	if a.Chosen.Feature != b.Chosen.Feature || a.Chosen.Rate != b.Chosen.Rate || *a.Chosen.SelectTop1 != *b.Chosen.SelectTop1 {
		t.Errorf("chosen %+v, with other test labels %+v", a.Chosen, b.Chosen)
	}
	for i, head := range a.Heads {
		if *head.SelectTop1 > *a.Chosen.SelectTop1 || *head.SelectTop1 != *b.Heads[i].SelectTop1 {
			t.Errorf("head %+v, chosen %+v", head, a.Chosen)
		}
	}
	if a.Last.Top1 != a.Chosen.LastTop1 || a.Last.Images != 12 || a.Chosen.BestTop1 < a.Chosen.LastTop1 {
		t.Errorf("chosen %+v, report %+v", a.Chosen, a.Last)
	}
}

// shades are grey images whose shade tells their class.
type shades struct{ n, classes, shift int }

func (s shades) Name() string            { return "shades" }
func (s shades) Len() int                { return s.n }
func (s shades) Classes() []string       { return nil }
func (s shades) Label(i int) int         { return (i + s.shift) % s.classes }
func (s shades) Digest() (string, error) { return "shades", nil }
func (s shades) Sample(_ context.Context, i int, img *images.Image) (int, error) {
	img.Reset(8, 8)
	for j := range img.Pix {
		img.Pix[j] = byte(40 + 80*(i%s.classes) + j%7)
	}
	return s.Label(i), nil
}
