package runtimes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/runtimes"
	"pmx/step"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
	"pmx/runtimes/orttraining/ortcheckpoint"
	"pmx/runtimes/runtimelib"
)

// TestArtifactParity trains the on-device artifacts of every fixture, as a host
// without pmx would, and holds them to what the runtimes are held to. Each step
// begins at the recorded parameters, the moments continue: AdamW makes whole steps of
// gradients near zero, rounding included, so that after two steps of float32, here
// or by the step file, parameters are 7e-6 (L2) from those of float64, and one loss
// moves by up to 1e-5 for that alone.
func TestArtifactParity(t *testing.T) {
	library := trainingLibrary(t)
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) { checkArtifacts(t, library, f) })
	}
}

func trainingLibrary(t *testing.T) *orttraining.Library {
	t.Helper()
	library, err := orttraining.Open(installed(t, runtimelib.ORTTraining))
	if err != nil {
		t.Fatal(err)
	}
	return library
}

func checkArtifacts(t *testing.T, library *orttraining.Library, f fixture) {
	a, err := tasks.BuildORTTraining(&f.config)
	if err != nil {
		t.Fatal(err)
	}
	built, err := tasks.BuildStep(t.Context(), &f.config) // names the moments
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	session, state := openArtifacts(t, library, f, a, dir)
	statistics := newStatistics(t, f, a, built)
	moments := map[string][]float64{}
	for k := range f.steps {
		feeds, hyper := f.artifactFeeds(t, a.Step, k)
		if k > 0 {
			f.setRecorded(t, state, a.Step, k-1)
		}
		if err := session.SetLearningRate(float32(hyper[step.HyperLR])); err != nil {
			t.Fatal(err)
		}
		out, err := session.TrainStep(feeds)
		if err != nil {
			t.Fatal(err)
		}
		if err := session.OptimizerStep(); err != nil {
			t.Fatal(err)
		}
		if err := session.ResetGradients(); err != nil {
			t.Fatal(err)
		}
		metrics := map[string]float64{}
		for name, x := range out {
			metrics[name] = x.Float64s()[0]
		}
		f.checkLosses(t, k, metrics)
		after := savedState(t, state, filepath.Join(dir, fmt.Sprint("checkpoint", k)), int64(k+1))
		f.checkGradients(t, k, built, after, moments, metrics[step.MetricGradNorm])
		f.checkParameters(t, k, a.Step, after)
		statistics.check(t, k, feeds, after)
		statistics.checkEval(t, k, session, feeds, after)
		if k == f.steps-1 {
			statistics.checkOthers(t, k, session, state, feeds, after)
			checkExport(t, library, f, session, feeds, after, filepath.Join(dir, "encoder.onnx"))
		}
	}
}

// setRecorded sets the parameters to those recorded after step k.
func (f fixture) setRecorded(t *testing.T, state *orttraining.CheckpointState, built *step.Step, k int) {
	t.Helper()
	for _, s := range built.State {
		if s.Kind == step.Statistic { // not recorded; they continue
			continue
		}
		if err := state.SetParameter(s.In, f.tensor(t, fmt.Sprintf("step%d/param/%s", k, s.Name))); err != nil {
			t.Fatal(err)
		}
	}
}

// openArtifacts writes the artifacts with the fixture's parameters and opens them.
func openArtifacts(t *testing.T, library *orttraining.Library, f fixture, a *builders.ORTTraining, dir string) (*orttraining.TrainingSession, *orttraining.CheckpointState) {
	t.Helper()
	c := &ortcheckpoint.Checkpoint{}
	initial := a.InitialState(0)
	for _, s := range a.Step.State {
		p := ortcheckpoint.Parameter{Name: s.In, Value: initial[s.Name]}
		if s.Kind != step.Statistic {
			p.Value = f.tensor(t, "init/"+s.Name)
		}
		if s.Kind == step.Param {
			c.Trainable = append(c.Trainable, p)
		} else {
			c.Frozen = append(c.Frozen, p)
		}
	}
	data, err := ortcheckpoint.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	files := orttraining.ModelFiles{Training: filepath.Join(dir, "training_model.onnx"), Eval: filepath.Join(dir, "eval_model.onnx"), Optimizer: filepath.Join(dir, "optimizer_model.onnx")}
	path := filepath.Join(dir, "checkpoint")
	for _, err := range []error{
		a.Training.WriteFile(files.Training), a.Eval.WriteFile(files.Eval),
		os.WriteFile(files.Optimizer, a.Optimizer, 0o644), os.WriteFile(path, data, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	options, err := library.NewSessionOptions(orttraining.Options{Threads: 2, NoMemoryPattern: true})
	if err != nil {
		t.Fatal(err)
	}
	defer options.Close()
	state, err := library.LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	session, err := library.NewTrainingSessionFromFiles(state, files, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	want := []string{}
	for _, h := range a.Step.Hyper {
		want = append(want, h.Name)
	}
	for _, p := range a.Step.Batch {
		want = append(want, p.Name)
	}
	if !slices.Equal(session.TrainingInputs(), want) || !slices.Equal(session.TrainingOutputs(), a.Step.Metrics) {
		t.Errorf("TrainStep takes %v and gives %v, want %v and %v", session.TrainingInputs(), session.TrainingOutputs(), want, a.Step.Metrics)
	}
	return session, state
}

// artifactFeeds are the inputs of step k: hyper-parameters, then the batch.
func (f fixture) artifactFeeds(t *testing.T, built *step.Step, k int) (feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) {
	t.Helper()
	feeds, hyper = map[string]*onnxgraph.Tensor{}, f.hyper(t, built, k)
	for _, h := range built.Hyper {
		feeds[h.Name] = onnxgraph.NewTensor([]int{1}, []float32{float32(hyper[h.Name])})
	}
	for _, p := range built.Batch {
		feeds[p.Name] = f.tensor(t, fmt.Sprintf("step%d/%s", k, p.Name))
	}
	return feeds, hyper
}

// savedState is the state as the library's checkpoint has it, by the names of a step's
// state.
func savedState(t *testing.T, state *orttraining.CheckpointState, path string, done int64) map[string]*onnxgraph.Tensor {
	t.Helper()
	if err := state.Save(path, true); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ortcheckpoint.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*onnxgraph.Tensor{}
	for _, p := range append(c.Trainable, c.Frozen...) {
		out[p.Name] = p.Value
	}
	if len(c.Groups) != 1 || c.Groups[0].Step != done {
		t.Fatalf("%d optimizer groups, want one at step %d", len(c.Groups), done)
	}
	for _, m := range c.Groups[0].Moments {
		out[string(step.Moment1)+"."+m.Param] = m.First
		out[string(step.Moment2)+"."+m.Param] = m.Second
	}
	return out
}

// checkExport exports the encoder by the library and compares it with ours.
func checkExport(t *testing.T, library *orttraining.Library, f fixture, session *orttraining.TrainingSession, feeds, weights map[string]*onnxgraph.Tensor, path string) {
	t.Helper()
	if err := session.Export(path, builders.EncoderClass, builders.EncoderTokens); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := onnxgraph.ReadModel(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range read.Graph.Constants() {
		if strings.Contains(v.Name, ".running_") {
			t.Errorf("the exported encoder holds %s, which it does not compute with", v.Name)
		}
	}
	options, err := library.NewSessionOptions(orttraining.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer options.Close()
	exported, err := library.NewSession(data, options)
	if err != nil {
		t.Fatal(err)
	}
	defer exported.Close()
	if got := exported.Inputs(); !slices.Equal(got, []string{"view1"}) {
		t.Fatalf("the exported encoder takes %v, want view1", got)
	}
	got, err := exported.RunFeeds(map[string]*onnxgraph.Tensor{"view1": feeds["view1"]})
	if err != nil {
		t.Fatal(err)
	}
	model, err := builders.Encoder(f.config.ViTConfig, builders.Under(builders.FeatureEncoder(f.config.MomentumEncoder), weights), builders.EncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := openRuntime(t, "reference").NewInference(model, runtimes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	want, err := ours.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: feeds["view1"]})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{builders.EncoderClass, builders.EncoderTokens} {
		if worst, _ := worstDifference(got[name].Float64s(), want[name].Float64s(), nil); !(worst <= featureTolerance) {
			t.Errorf("exported %s differs by %.3g", name, worst)
		}
	}
}
