package cli

import (
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/step"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining/ortcheckpoint"
)

// ortPython finds a Python with the official training wheel.
func ortPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PMX_ORT_PYTHON")
	if python == "" {
		python = filepath.Join("..", ".venv-ort", "bin", "python")
	}
	if _, err := exec.LookPath(python); err != nil {
		require.Missing(t, "no Python with onnxruntime-training-cpu: scripts/setup.sh makes .venv-ort, PMX_ORT_PYTHON names another")
	}
	return python
}

// trainArtifacts runs examples/train_artifacts.py.
func trainArtifacts(t *testing.T, args ...string) (output string) {
	t.Helper()
	out, err := exec.Command(ortPython(t), append([]string{filepath.Join("..", "examples", "train_artifacts.py")}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("train_artifacts.py: %v\n%s", err, out)
	}
	return string(out)
}

// TestArtifactsTrainWithoutPMX: the artifacts, loaded unchanged by the published
// Python interface of ONNX Runtime Training, take the recorded steps and get the
// published code's numbers.
func TestArtifactsTrainWithoutPMX(t *testing.T) {
	recordings, err := filepath.Glob(filepath.Join("..", "..", "shared", "fixtures", "*.safetensors"))
	if err != nil || len(recordings) == 0 {
		require.Missing(t, "no fixtures in ../shared/fixtures")
	}
	for _, recording := range recordings {
		t.Run(strings.TrimSuffix(filepath.Base(recording), ".safetensors"), func(t *testing.T) {
			t.Parallel()
			compareArtifacts(t, recordedConfig(t, recording), recording)
		})
	}
}

// TestArtifactsMatchStep: the same for what the published recordings leave out
// (drop path, clipping, other methods), against the step file in float64.
func TestArtifactsMatchStep(t *testing.T) {
	ortPython(t)
	for _, method := range methods() {
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			c := tasks.Contrastive{
				Method: method.Name, SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 16, PatchSize: 4, Dim: 16, Depth: 2, Heads: 2, MLPRatio: 2},
					ProjLayers: 3, PredLayers: 2, Hidden: 32, OutDim: 8, Batch: 16, MomentumEncoder: true,
					MixNum: builders.IntSet{2}, LocalCrops: 2, LocalSize: 8, DropPath: 0.5, ClipGrad: 0.5,
				}}
			compareArtifacts(t, c, record(t, c, 3))
		})
	}
}

func compareArtifacts(t *testing.T, c tasks.Contrastive, recording string) {
	dir := t.TempDir()
	if err := writeORTTraining(t.Context(), io.Discard, &c, dir, false); err != nil {
		t.Fatal(err)
	}
	if out := trainArtifacts(t, dir, recording); !strings.HasSuffix(out, "\nthe same numbers\n") {
		t.Errorf("train_artifacts.py: %s", out)
	}
}

// record takes steps with the step file on random batches, in float64, and
// writes what the recordings of the published code hold.
func record(t *testing.T, c tasks.Contrastive, steps int) (path string) {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	var recorded []safetensors.Named
	add := func(name string, x *onnxgraph.Tensor) {
		recorded = append(recorded, safetensors.Named{Name: name, Tensor: onnxgraph.Narrow(x)})
	}
	schedules := map[string][]float32{"lr": make([]float32, steps), "wd": make([]float32, steps), "momentum": make([]float32, steps)}
	for k := range steps {
		schedules["lr"][k], schedules["wd"][k], schedules["momentum"][k] = 2e-4*float32(k+1), 50+10*float32(k), 0.9
	}
	for name, values := range schedules {
		add("schedule/"+name, onnxgraph.NewTensor([]int{steps}, values))
	}
	state := built.InitialState(5)
	for _, s := range built.State {
		if s.Kind == step.Param || s.Kind == step.EMA {
			add("init/"+s.Name, state[s.Name])
		}
	}
	statistics := newRecordedStatistics(t, c)
	for name, x := range statistics.values {
		add("init/"+name, x)
	}
	settled := settledEntries{}
	rng := rand.New(rand.NewPCG(11, 0))
	eval := onnxgraph.NewEvaluator(built.Model.Graph)
	for k := range steps {
		prefix := fmt.Sprintf("step%d/", k)
		feeds := map[string]*onnxgraph.Tensor{}
		for _, h := range built.Hyper {
			value := float32(0.2) // temperature
			if name := map[string]string{step.HyperLR: "lr", step.HyperWeightDecay: "wd", builders.HyperEMAMomentum: "momentum"}[h.Name]; name != "" {
				value = schedules[name][k]
			}
			feeds[h.Name] = onnxgraph.NewTensor([]int{1}, []float32{value})
		}
		for _, p := range built.Batch {
			feeds[p.Name] = randomFeed(rng, p)
			add(prefix+p.Name, feeds[p.Name])
		}
		for _, s := range built.State {
			feeds[s.In] = state[s.Name]
		}
		out, err := eval.Run(feeds)
		if err != nil {
			t.Fatal(err)
		}
		settled.note(built, state, out)
		statistics.train(t, feeds)
		for name, x := range statistics.values {
			add(prefix+"param/"+name, x)
		}
		for _, s := range built.State {
			state[s.Name] = out[s.Out]
			if s.Kind == step.Param || s.Kind == step.EMA {
				add(prefix+"param/"+s.Name, state[s.Name])
				add(prefix+"settled/"+s.Name, settled.of(s.Name, s.Shape))
			}
		}
		for _, name := range built.Metrics {
			if name == step.MetricGradNorm {
				add(prefix+name, out[name])
				if n := out[name].Float64s()[0]; n < 2*c.ClipGrad {
					t.Fatalf("step %d: the gradient's norm is %g, too near to clip_grad %g to see clipping", k, n, c.ClipGrad)
				}
				continue
			}
			add(prefix+"loss/"+recordedLoss(name), out[name])
		}
		for name, x := range statistics.evaluate(t, feeds, state) {
			add(prefix+"eval/"+recordedLoss(name), x)
		}
	}
	settled.mostly(t)
	path = filepath.Join(t.TempDir(), "recording.safetensors")
	if err := safetensors.WriteFile(path, recorded, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// recordedLoss is what recordings call a loss.
func recordedLoss(metric string) string {
	if metric == step.MetricLoss {
		return "total"
	}
	return strings.TrimPrefix(metric, "loss_")
}

// recordedStatistics are what a step file leaves out: running statistics of batch
// norms, and losses that are computed with them. They come from the artifacts'
// models in float64, which the tests of builders hold to plain loops.
type recordedStatistics struct {
	artifacts      *builders.ORTTraining
	training, eval *onnxgraph.Evaluator
	values         map[string]*onnxgraph.Tensor
}

func newRecordedStatistics(t *testing.T, c tasks.Contrastive) *recordedStatistics {
	t.Helper()
	a, err := tasks.BuildORTTraining(&c)
	if err != nil {
		t.Fatal(err)
	}
	r := &recordedStatistics{artifacts: a, values: map[string]*onnxgraph.Tensor{}}
	initial := a.InitialState(0)
	for _, s := range a.Step.State {
		if s.Kind == step.Statistic {
			r.values[s.Name] = initial[s.Name]
		}
	}
	for _, n := range a.Training.Graph.Nodes() {
		if n.Op.Name == "InPlaceAccumulatorV2" && r.values[n.Inputs[0].Name] != nil {
			a.Training.Graph.Output(n.Inputs[0].Name+".next", n.Outputs[1])
		}
	}
	r.training, r.eval = onnxgraph.NewEvaluator(a.Training.Graph), onnxgraph.NewEvaluator(a.Eval.Graph)
	return r
}

// train takes a step with the feeds and the state of a step file.
func (r *recordedStatistics) train(t *testing.T, feeds map[string]*onnxgraph.Tensor) {
	t.Helper()
	in := maps.Clone(feeds)
	maps.Copy(in, r.values)
	for _, v := range r.artifacts.Training.Graph.Inputs() {
		if in[v.Name] == nil { // gradients, and whether to begin them again
			in[v.Name] = onnxgraph.Zeros(v.DType, v.Shape)
		}
	}
	out, err := r.training.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	for name := range r.values {
		r.values[name] = out[name+".next"]
	}
}

// evaluate gives the evaluation's losses by metric.
func (r *recordedStatistics) evaluate(t *testing.T, feeds, state map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	t.Helper()
	in := maps.Clone(feeds)
	maps.Copy(in, state)
	maps.Copy(in, r.values)
	out, err := r.eval.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	losses := map[string]*onnxgraph.Tensor{}
	for _, m := range r.artifacts.EvalStep.Metrics {
		losses[m] = out[m]
	}
	return losses
}

// settledEntries knows, by trained parameter, in which entries float32 can tell
// what AdamW does: its first step is lr times the gradient's sign, so an entry
// whose gradient is rounding noise beside the tensor's largest may go either way.
type settledEntries map[string][]bool

// note takes the gradients of a step from the first moments before and after.
func (e settledEntries) note(built *step.Step, before, after map[string]*onnxgraph.Tensor) {
	for _, s := range built.State {
		if s.Kind != step.Moment1 {
			continue
		}
		name := strings.TrimPrefix(s.Name, string(step.Moment1)+".")
		gradient := slices.Clone(after[s.Out].Float64s())
		largest := 0.0
		for i, m := range before[s.Name].Float64s() {
			gradient[i] = (gradient[i] - 0.9*m) / 0.1
			largest = max(largest, math.Abs(gradient[i]))
		}
		if e[name] == nil {
			e[name] = make([]bool, len(gradient))
			for i := range gradient {
				e[name][i] = true
			}
		}
		for i, g := range gradient {
			e[name][i] = e[name][i] && math.Abs(g) > 1e-3*largest
		}
	}
}

// of is 1 in the settled entries of a parameter or its average, 0 in others.
func (e settledEntries) of(name string, shape []int) *onnxgraph.Tensor {
	t := onnxgraph.Zeros(onnxgraph.Float32, shape)
	for i, ok := range e[strings.Replace(name, builders.MomentumEncoder, builders.BaseEncoder, 1)] {
		if ok {
			onnxgraph.Data[float32](t)[i] = 1
		}
	}
	return t
}

// mostly fails the test where a tenth of the entries or more are not settled.
func (e settledEntries) mostly(t *testing.T) {
	t.Helper()
	all, not := 0, 0
	for _, settled := range e {
		for _, ok := range settled {
			if all++; !ok {
				not++
			}
		}
	}
	if not*10 > all {
		t.Fatalf("%d of %d entries have gradients too small to compare", not, all)
	}
}

// randomFeed draws images, soft targets with rows that sum to 1, or a drop-path
// mask that drops about a third.
func randomFeed(rng *rand.Rand, p step.Port) *onnxgraph.Tensor {
	data := make([]float32, onnxgraph.Shape(p.Shape).Size())
	for i := range data {
		switch {
		case p.Name == "drop_path":
			if rng.Float64() > 0.3 {
				data[i] = 1 / 0.7
			}
		case strings.HasPrefix(p.Name, "target"):
			data[i] = 0.3 / float32(p.Shape[1])
			if i/p.Shape[1] == i%p.Shape[1] {
				data[i] += 0.7
			}
		default:
			data[i] = float32(rng.NormFloat64())
		}
	}
	return onnxgraph.NewTensor(p.Shape, data)
}

// eachRecipe visits every preset with every method.
func eachRecipe(t *testing.T, visit func(name string, r *tasks.Contrastive)) {
	t.Helper()
	for name, p := range tasks.Presets() {
		for _, method := range methods() {
			r, ok := p.Recipe().(*tasks.Contrastive)
			if !ok {
				continue
			}
			r.Method = method.Name
			visit(name+"-"+method.Name, r)
		}
	}
}

// TestEveryPresetAsArtifacts makes the models of every preset at their full size:
// they hold no weights, and the checkpoint has room for those.
func TestEveryPresetAsArtifacts(t *testing.T) {
	eachRecipe(t, func(name string, r *tasks.Contrastive) {
		a, err := tasks.BuildORTTraining(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range []*onnxgraph.Model{a.Training, a.Eval} {
			if data, err := m.Marshal(); err != nil || len(data) > 16<<20 {
				t.Errorf("%s: a model of %d bytes (%v), want less than 16 MiB", name, len(data), err)
			}
		}
		if n := stateBytes(a); n > ortcheckpoint.MaxSize*9/10 {
			t.Errorf("%s: weights of %d bytes are too near to what a checkpoint can hold", name, n)
		}
	})
}

// TestEveryPresetTrainsWithoutPMX lets the library take a step, evaluate and
// export with a small version of each preset.
func TestEveryPresetTrainsWithoutPMX(t *testing.T) {
	ortPython(t)
	t.Parallel()
	root := t.TempDir()
	seen := map[string]bool{} // presets that differ in what is made small here
	var folders []string
	eachRecipe(t, func(name string, r *tasks.Contrastive) {
		r.Dim, r.Depth, r.Batch, r.Hidden, r.OutDim, r.LocalCrops = 24, 1, 4, 16, 8, min(r.LocalCrops, 1)
		if key := fmt.Sprint(r.Method, r.SiameseConfig); !seen[key] {
			seen[key] = true
			folders = append(folders, filepath.Join(root, name))
			if err := writeORTTraining(t.Context(), io.Discard, r, filepath.Join(root, name), false); err != nil {
				t.Fatal(err)
			}
		}
	})
	if out := trainArtifacts(t, folders...); strings.Count(out, ": one step, loss") != len(folders) {
		t.Errorf("train_artifacts.py: %s", out)
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
