package runtimes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/tasks"

	"pmx/runtimes"
	"pmx/step"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/onnxgraph"
)

// The fixtures hold the published PatchMix implementation's numbers for small
// models. Agreement asked of float32 (the same modules in float64 differ from
// the recording by at most 5e-6, 2e-5 and 5e-6):
const (
	lossTolerance      = 1e-5 // relative
	embeddingTolerance = 1e-4 // of the tensor's largest entry
	gradientTolerance  = 1e-4 // of the tensor's largest entry
	parameterTolerance = 1e-5 // absolute
	updateTolerance    = 1e-2 // of the update's length; what a momentum encoder's weights of order 1 move by has 0.4 % of rounding
	featureTolerance   = 1e-5 // absolute, features are of order 1
)

// fixture is one recorded case.
type fixture struct {
	name    string
	tensors map[string]*onnxgraph.Tensor
	config  tasks.Contrastive
	steps   int
}

func fixtures(t *testing.T) []fixture {
	t.Helper()
	// One recording is in the clone; all of them are beside it.
	paths, err := filepath.Glob("../../shared/fixtures/*.safetensors")
	if err != nil || len(paths) == 0 {
		if require.All() {
			missing(t, "no fixtures in ../shared/fixtures")
		}
		paths = []string{"testdata/fixtures/small_three_way.safetensors"}
	}
	var out []fixture
	for _, path := range paths {
		tensors, metadata, err := safetensors.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := fixture{name: metadata["case"], tensors: map[string]*onnxgraph.Tensor{}}
		for _, n := range tensors {
			f.tensors[n.Name] = n.Tensor
		}
		var recorded struct {
			Img, Patch, Dim, Depth, Heads, Batch, M, Multi, Local, Steps, Hidden, Out int
			Momentum                                                                  bool
			MLPRatio                                                                  int `json:"mlp_ratio"`
			ProjLayers                                                                int `json:"proj_layers"`
			PredLayers                                                                int `json:"pred_layers"`
		}
		if err := json.Unmarshal([]byte(metadata["config"]), &recorded); err != nil {
			t.Fatal(err)
		}
		r := recorded
		f.steps = r.Steps
		f.config = tasks.Contrastive{
			Method: "patchmix", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: r.Img, PatchSize: r.Patch, Dim: r.Dim, Depth: r.Depth, Heads: r.Heads, MLPRatio: r.MLPRatio},
				ProjLayers: r.ProjLayers, PredLayers: r.PredLayers, Hidden: r.Hidden, OutDim: r.Out, Batch: r.Batch,
				MomentumEncoder: r.Momentum, MixNum: builders.IntSet{r.M}, LocalCrops: r.Multi, LocalSize: r.Local,
			}}
		out = append(out, f)
	}
	return out
}

// TestParity runs every step of every fixture on every runtime, on stock ONNX
// Runtime with each kind of kernels and without, and compares, in the order in
// which an error would spread: embeddings, losses, gradients, updated parameters.
func TestParity(t *testing.T) {
	for _, f := range fixtures(t) {
		onEveryRuntime(t, f.name, func(t *testing.T, r runtimes.Runtime, o runtimes.Options) { checkParity(t, r, o, f) })
	}
}

func checkParity(t *testing.T, r runtimes.Runtime, o runtimes.Options, f fixture) {
	built, err := tasks.BuildStep(t.Context(), &f.config)
	if err != nil {
		t.Fatal(err)
	}
	session, err := r.NewSession(built, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.SetState(f.initialState(t, built)); err != nil {
		t.Fatal(err)
	}
	embeddings := newEmbeddings(t, r, o, f.config)
	defer embeddings.model.Close()
	moments := map[string][]float64{}
	for k := range f.steps {
		prefix := fmt.Sprintf("step%d/", k)
		feeds := map[string]*onnxgraph.Tensor{}
		for _, port := range built.Batch {
			feeds[port.Name] = f.tensor(t, prefix+port.Name)
		}
		hyper := f.hyper(t, built, k)
		before, err := session.State()
		if err != nil {
			t.Fatal(err)
		}
		embeddings.check(t, f, k, built, before, feeds, hyper)

		metrics, err := session.Step(context.Background(), feeds, hyper)
		if err != nil {
			t.Fatal(err)
		}
		f.checkLosses(t, k, metrics)
		after, err := session.State()
		if err != nil {
			t.Fatal(err)
		}
		f.checkGradients(t, k, built, after, moments, metrics["grad_norm"])
		f.checkParameters(t, k, built, after)
	}
}

// checkLosses compares the metrics of step k that are losses.
func (f fixture) checkLosses(t *testing.T, k int, metrics map[string]float64) {
	t.Helper()
	for recorded, metric := range map[string]string{
		"total": "loss", "source": "loss_source", "mix_source": "loss_mix_source", "mix_mix": "loss_mix_mix",
		"multi_source": "loss_multi_source", "multi_mix_source": "loss_multi_mix_source",
	} {
		want := f.tensors[fmt.Sprintf("step%d/loss/%s", k, recorded)]
		if want == nil && strings.HasPrefix(recorded, "multi") && f.config.LocalCrops == 0 {
			continue
		}
		w := want.Float64s()[0]
		if d := math.Abs(metrics[metric] - w); !(d <= lossTolerance*math.Abs(w)) {
			t.Errorf("step %d: %s = %.8g, want %.8g", k, metric, metrics[metric], w)
		}
	}
}

func (f fixture) tensor(t *testing.T, name string) *onnxgraph.Tensor {
	t.Helper()
	if f.tensors[name] == nil {
		t.Fatalf("fixture %s has no %s", f.name, name)
	}
	return f.tensors[name]
}

func (f fixture) initialState(t *testing.T, built *step.Step) map[string]*onnxgraph.Tensor {
	state := built.InitialState(0)
	for _, s := range built.State {
		if s.Kind == step.Param || s.Kind == step.EMA {
			state[s.Name] = f.tensor(t, "init/"+s.Name)
		}
	}
	return state
}

func (f fixture) hyper(t *testing.T, built *step.Step, k int) map[string]float64 {
	hyper := map[string]float64{builders.HyperTemperature: 0.2}
	recorded := map[string]string{step.HyperLR: "lr", step.HyperWeightDecay: "wd", builders.HyperEMAMomentum: "momentum"}
	for _, h := range built.Hyper {
		if name := recorded[h.Name]; name != "" {
			hyper[h.Name] = f.tensor(t, "schedule/"+name).Float64s()[k]
		}
	}
	return hyper
}

// checkGradients recovers the gradient from the first moments of two steps:
// m' = 0.9 m + 0.1 g.
func (f fixture) checkGradients(t *testing.T, k int, built *step.Step, after map[string]*onnxgraph.Tensor, moments map[string][]float64, gradNorm float64) {
	t.Helper()
	squares := 0.0
	for _, s := range built.State {
		if s.Kind != step.Moment1 {
			continue
		}
		name := strings.TrimPrefix(s.Name, string(step.Moment1)+".")
		want := f.tensor(t, fmt.Sprintf("step%d/grad/%s", k, name)).Float64s()
		m := after[s.Name].Float64s()
		got := make([]float64, len(m))
		last := moments[name]
		for i := range got {
			got[i] = m[i]
			if last != nil {
				got[i] -= 0.9 * last[i]
			}
			got[i] /= 0.1
		}
		moments[name] = slices.Clone(m)
		for _, v := range want {
			squares += v * v
		}
		skip := undetermined(name, len(want))
		if worst, largest := worstDifference(got, want, skip); !(worst <= gradientTolerance*largest) {
			t.Errorf("step %d: gradient of %s differs by %.3g of its largest entry %.3g", k, name, worst/largest, largest)
		}
	}
	if want := math.Sqrt(squares); !(math.Abs(gradNorm-want) <= gradientTolerance*want) {
		t.Errorf("step %d: grad_norm = %.8g, want %.8g", k, gradNorm, want)
	}
}

// checkParameters compares the parameters, and how far the step moved them, after step k.
func (f fixture) checkParameters(t *testing.T, k int, built *step.Step, after map[string]*onnxgraph.Tensor) {
	t.Helper()
	for _, s := range built.State {
		if s.Kind != step.Param && s.Kind != step.EMA {
			continue
		}
		last := "init/"
		if k > 0 {
			last = fmt.Sprintf("step%d/param/", k-1)
		}
		want, got, from := f.tensor(t, fmt.Sprintf("step%d/param/%s", k, s.Name)).Float64s(), after[s.Name].Float64s(), f.tensor(t, last+s.Name).Float64s()
		skip := undetermined(s.Name, len(want))
		worst, _ := worstDifference(got, want, skip)
		if !(worst <= parameterTolerance) {
			t.Errorf("step %d: %s %s differs by %.3g", k, s.Kind, s.Name, worst)
		}
		var off, update float64
		for i := range want {
			if !skip(i) {
				off += (got[i] - want[i]) * (got[i] - want[i])
				update += (want[i] - from[i]) * (want[i] - from[i])
			}
		}
		if off, update = math.Sqrt(off), math.Sqrt(update); !(off <= updateTolerance*update) {
			t.Errorf("step %d: the update of %s %s, %.3g long, differs by %.3g", k, s.Kind, s.Name, update, off)
		}
	}
}

// undetermined marks entries whose gradient is zero in theory, so that AdamW
// turns rounding noise into steps of ±lr in any implementation: the key third
// of attn.qkv.bias (softmax ignores it) and the encoder's final norm.bias (the
// batch norm behind the projector's first layer removes it).
func undetermined(name string, n int) func(i int) bool {
	switch {
	case strings.HasSuffix(name, "attn.qkv.bias"):
		return func(i int) bool { return i >= n/3 && i < 2*n/3 }
	case name == "base_encoder.norm.bias" || name == "momentum_encoder.norm.bias":
		return func(int) bool { return true }
	}
	return func(int) bool { return false }
}

// worstDifference is the largest |got-want| and the largest |want|; a NaN counts
// as infinitely far.
func worstDifference(got, want []float64, skip func(i int) bool) (worst, largest float64) {
	if len(got) != len(want) {
		return math.Inf(1), 0
	}
	for i := range want {
		if skip != nil && skip(i) {
			continue
		}
		d := math.Abs(got[i] - want[i])
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst, largest = max(worst, d), max(largest, math.Abs(want[i]))
	}
	return worst, largest
}

// embeddings runs the step's graph with the branches' results as outputs.
type embeddings struct {
	model runtimes.Inference
	names map[string]string // output by recorded name
}

func newEmbeddings(t *testing.T, r runtimes.Runtime, o runtimes.Options, c tasks.Contrastive) *embeddings {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	e := &embeddings{names: map[string]string{}}
	scopes := map[string][]string{ // the scope that makes a recorded embedding; the key of a query shared without momentum encoder
		"q1": {"q_view1/predictor/"}, "mixed_q2": {"q_mixed2/predictor/"},
		"k1": {"k_view1/encoder/", "q_view1/encoder/"}, "k2": {"k_view2/encoder/"}, "mixed_k1": {"k_mixed1/encoder/"},
	}
	g := built.Model.Graph
	for recorded, candidates := range scopes {
		for _, scope := range candidates {
			var last *onnxgraph.Node
			for _, n := range g.Nodes() {
				if strings.HasPrefix(n.Name, scope) && n.Op.Name == "BatchNormTraining" {
					last = n
				}
			}
			if last != nil {
				g.Output("embed."+recorded, last.Outputs[0])
				e.names[recorded] = "embed." + recorded
				break
			}
		}
		if e.names[recorded] == "" {
			t.Fatalf("no node makes embedding %s", recorded)
		}
	}
	if e.model, err = r.NewInference(built.Model, o); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *embeddings) check(t *testing.T, f fixture, k int, built *step.Step, state, batch map[string]*onnxgraph.Tensor, hyper map[string]float64) {
	t.Helper()
	feeds := map[string]*onnxgraph.Tensor{}
	for _, s := range built.State {
		feeds[s.In] = state[s.Name]
	}
	for name, x := range batch {
		feeds[name] = x
	}
	for name, v := range hyper {
		feeds[name] = onnxgraph.NewTensor([]int{1}, []float32{float32(v)})
	}
	out, err := e.model.Run(feeds)
	if err != nil {
		t.Fatal(err)
	}
	for recorded, output := range e.names {
		want := f.tensor(t, fmt.Sprintf("step%d/embed/%s", k, recorded)).Float64s()
		if worst, largest := worstDifference(out[output].Float64s(), want, nil); !(worst <= embeddingTolerance*largest) {
			t.Errorf("step %d: embedding %s differs by %.3g of its largest entry", k, recorded, worst/largest)
		}
	}
}

// TestFeatures compares the exported encoder with the recorded features, which
// are of the parameters after the last step, of the momentum encoder where there
// is one.
func TestFeatures(t *testing.T) {
	for _, name := range runtimes.RuntimeNames() {
		for _, f := range fixtures(t) {
			for _, o := range []builders.EncoderOptions{{}, {DynamicSize: true}} {
				t.Run(fmt.Sprintf("%s/%s/dynamic=%v", name, f.name, o.DynamicSize), func(t *testing.T) {
					weights := map[string]*onnxgraph.Tensor{}
					prefix := fmt.Sprintf("step%d/param/", f.steps-1)
					for n, x := range f.tensors {
						if rest, ok := strings.CutPrefix(n, prefix); ok {
							weights[rest] = x
						}
					}
					model, err := builders.Encoder(f.config.ViTConfig, builders.Under(builders.FeatureEncoder(f.config.MomentumEncoder), weights), o)
					if err != nil {
						t.Fatal(err)
					}
					inference, err := openRuntime(t, name).NewInference(model, options(t))
					if err != nil {
						t.Fatal(err)
					}
					defer inference.Close()
					out, err := inference.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: f.tensor(t, "features/input")})
					if err != nil {
						t.Fatal(err)
					}
					for _, output := range []string{builders.EncoderClass, builders.EncoderTokens} {
						want := f.tensor(t, "features/"+output)
						if !out[output].Shape().Equal(want.Shape()) {
							t.Fatalf("%s is %v, want %v", output, out[output], want)
						}
						if worst, _ := worstDifference(out[output].Float64s(), want.Float64s(), nil); !(worst <= featureTolerance) {
							t.Errorf("%s differs by %.3g", output, worst)
						}
					}
				})
			}
		}
	}
}
