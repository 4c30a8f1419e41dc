package runtimes_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/step"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
)

// statisticTolerance of running statistics, of the tensor's largest entry; of a
// mean also of the largest deviation (the predictor's first is 0 in theory).
const statisticTolerance = 1e-5

// statistics follows the running statistics of a fixture's batch norms in
// float64, from what the step file, which keeps none, normalises.
type statistics struct {
	f         fixture
	artifacts *builders.ORTTraining
	step      *onnxgraph.Evaluator
	eval      *onnxgraph.Evaluator
	state     []step.Tensor       // of the step file
	passes    map[string][]string // by norm: outputs of step, in the order of the passes
	running   map[string][]float64
}

func newStatistics(t *testing.T, f fixture, a *builders.ORTTraining, built *step.Step) *statistics {
	t.Helper()
	s := &statistics{f: f, artifacts: a, state: built.State, passes: map[string][]string{}, running: map[string][]float64{}}
	g := built.Model.Graph
	// The published code's order; the graph adds queries before keys.
	for _, pass := range []string{"q_view1/", "k_view1/", "k_view2/", "k_mixed1/", "q_mixed2/", "local/"} {
		for _, n := range g.Nodes() {
			if n.Op.Name != "BatchNormTraining" || !strings.HasPrefix(n.Name, pass) {
				continue
			}
			// The layer before: HEAD.INDEX.weight, with .next where the step has just averaged it.
			name := strings.TrimSuffix(strings.TrimSuffix(n.Inputs[0].Producer().Inputs[1].Name, ".next"), ".weight")
			dot := strings.LastIndexByte(name, '.')
			var index int
			if _, err := fmt.Sscan(name[dot+1:], &index); err != nil {
				t.Fatal(err)
			}
			norm := fmt.Sprintf("%s.%d", name[:dot], index+1)
			s.passes[norm] = append(s.passes[norm], g.Output("normalised."+n.Name, n.Inputs[0]).Name)
		}
	}
	initial := a.InitialState(0)
	for _, st := range a.Step.State {
		if st.Kind == step.Statistic {
			s.running[st.Name] = slices.Clone(initial[st.Name].Float64s())
		}
	}
	if len(s.running) != 2*len(s.passes) {
		t.Fatalf("%d running statistics of %d batch norms", len(s.running), len(s.passes))
	}
	s.step, s.eval = onnxgraph.NewEvaluator(g), onnxgraph.NewEvaluator(a.Eval.Graph)
	return s
}

// check takes step k, which begins with recorded parameters, and compares what a
// checkpoint holds after it.
func (s *statistics) check(t *testing.T, k int, feeds, after map[string]*onnxgraph.Tensor) {
	t.Helper()
	in := maps.Clone(feeds)
	for _, st := range s.state {
		switch {
		case st.Kind == step.Counter:
			in[st.In] = onnxgraph.Zeros(onnxgraph.Int64, st.Shape)
		case st.Kind != step.Param && st.Kind != step.EMA: // the forward pass reads no moments
			in[st.In] = onnxgraph.Zeros(onnxgraph.Float32, st.Shape)
		case k == 0:
			in[st.In] = s.f.tensor(t, "init/"+st.Name)
		default:
			in[st.In] = s.f.tensor(t, fmt.Sprintf("step%d/param/%s", k-1, st.Name))
		}
	}
	out, err := s.step.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	for norm, passes := range s.passes {
		mean, variance := s.running[norm+".running_mean"], s.running[norm+".running_var"]
		for _, pass := range passes {
			x := slices.Collect(slices.Chunk(out[pass].Float64s(), len(mean)))
			n := float64(len(x))
			for c := range mean {
				m, v := 0.0, 0.0
				for _, row := range x {
					m += row[c] / n
				}
				for _, row := range x {
					v += (row[c] - m) * (row[c] - m) / (n - 1)
				}
				mean[c], variance[c] = 0.9*mean[c]+0.1*m, 0.9*variance[c]+0.1*v
			}
		}
	}
	for name, want := range s.running {
		if after[name] == nil {
			t.Fatalf("step %d: the checkpoint has no %s", k, name)
		}
		worst, largest := worstDifference(after[name].Float64s(), want, nil)
		if norm, isMean := strings.CutSuffix(name, "mean"); isMean {
			largest = max(largest, math.Sqrt(slices.Max(s.running[norm+"var"])))
		}
		if !(worst <= statisticTolerance*largest) {
			t.Errorf("step %d: %s differs by %.3g of %.3g", k, name, worst/largest, largest)
		}
	}
}

// checkEval compares what the evaluation model makes of the state with float64,
// and gives the loss.
func (s *statistics) checkEval(t *testing.T, k int, session *orttraining.TrainingSession, feeds, state map[string]*onnxgraph.Tensor) float64 {
	t.Helper()
	in, wanted := maps.Clone(state), map[string]*onnxgraph.Tensor{}
	maps.Copy(in, feeds)
	for _, name := range session.EvalInputs() {
		wanted[name] = feeds[name]
	}
	got, err := session.EvalStep(wanted)
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.eval.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.artifacts.EvalStep.Metrics {
		g, w := got[m].Float64s()[0], want[m].Float64s()[0]
		if !(math.Abs(g-w) <= lossTolerance*math.Abs(w)) {
			t.Errorf("evaluation after step %d: %s = %.8g, want %.8g", k, m, g, w)
		}
	}
	return got[step.MetricLoss].Float64s()[0]
}

// checkOthers evaluates with statistics as none were ever kept: other numbers.
func (s *statistics) checkOthers(t *testing.T, k int, session *orttraining.TrainingSession, state *orttraining.CheckpointState, feeds, after map[string]*onnxgraph.Tensor) {
	t.Helper()
	before := s.checkEval(t, k, session, feeds, after)
	others, initial := maps.Clone(after), s.artifacts.InitialState(0)
	for name := range s.running {
		others[name] = initial[name]
		if err := state.SetParameter(name, initial[name]); err != nil {
			t.Fatal(err)
		}
	}
	if loss := s.checkEval(t, k, session, feeds, others); math.Abs(loss-before) < 100*lossTolerance*before {
		t.Errorf("the evaluation's loss is %.8g with the running statistics and %.8g without", before, loss)
	}
}
