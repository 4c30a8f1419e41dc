package tasks_test

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/step"
	"pmx/tasks"

	"google.golang.org/protobuf/proto"

	"pmx/builders"
	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
)

// Names of ONNX Runtime Training's, from its sources: what a graph's input or
// output is for follows from its name alone.
const (
	bufferSuffix  = "_grad.accumulation.buffer"
	writtenSuffix = "_grad.accumulation.out"
)

var reservedSuffixes = []string{bufferSuffix, writtenSuffix, "_grad"}

// eachORTTraining runs a test on the artifacts of every method with and without
// the parts that a configuration can leave out.
func eachORTTraining(t *testing.T, test func(t *testing.T, a *builders.ORTTraining)) {
	for _, m := range methods() {
		for _, parts := range []string{"all", "no momentum encoder", "least"} {
			t.Run(m.Name+"/"+parts, func(t *testing.T) {
				c := tiny(m.Name)
				switch parts {
				case "no momentum encoder": // keys are passes of their own, since queries drop
					c.MomentumEncoder = false
				case "least":
					c.MomentumEncoder, c.LocalCrops, c.DropPath, c.ClipGrad = false, 0, 0, 0
				}
				a, err := buildORTTraining(c)
				if err != nil {
					t.Fatal(err)
				}
				test(t, a)
			})
		}
	}
}

// TestORTTrainingInputs holds the models against the library's rules for inputs.
func TestORTTrainingInputs(t *testing.T) {
	eachORTTraining(t, func(t *testing.T, a *builders.ORTTraining) {
		kinds := map[string]step.Kind{}
		for _, s := range a.Step.State {
			kinds[s.Name] = s.Kind
		}
		var user, parameters []string
		buffers := map[string]onnxgraph.Shape{}
		for _, v := range a.Training.Graph.Inputs() {
			name, isBuffer := strings.CutSuffix(v.Name, bufferSuffix)
			switch {
			case kinds[v.Name] != "":
				parameters = append(parameters, v.Name)
			case isBuffer:
				buffers[name] = v.Shape
			case v.Name == "lazy_reset_grad":
				if v.DType != onnxgraph.Bool || !v.Shape.Equal(onnxgraph.Shape{1}) {
					t.Errorf("lazy_reset_grad is %v, want bool[1]", v.Type)
				}
			default:
				user = append(user, v.Name)
			}
		}
		if want := userInputs(a.Step); !slices.Equal(user, want) {
			t.Errorf("TrainStep takes %v, described are %v", user, want)
		}
		for _, name := range append(user, parameters...) {
			for _, suffix := range reservedSuffixes {
				if strings.HasSuffix(name, suffix) {
					t.Errorf("input %s ends in %s and would be taken for a gradient", name, suffix)
				}
			}
		}
		for _, s := range a.Step.State {
			switch shape, ok := buffers[s.Name]; {
			case ok != (s.Kind == step.Param):
				t.Errorf("%s %s: has a gradient buffer: %v", s.Kind, s.Name, ok)
			case ok && !shape.Equal(s.Shape):
				t.Errorf("the gradient buffer of %s is %v, want %v", s.Name, shape, s.Shape)
			}
		}

		var evalUser, evalParameters []string
		for _, v := range a.Eval.Graph.Inputs() {
			if kinds[v.Name] != "" {
				evalParameters = append(evalParameters, v.Name)
			} else {
				evalUser = append(evalUser, v.Name)
			}
		}
		if want := userInputs(a.EvalStep); !slices.Equal(evalUser, want) {
			t.Errorf("EvalStep takes %v, described are %v", evalUser, want)
		}
		if !slices.Equal(parameters, evalParameters) {
			t.Errorf("the evaluation model has its parameters in another order: %v, training %v", evalParameters, parameters)
		}
	})
}

func userInputs(s *step.Step) []string {
	var names []string
	for _, h := range s.Hyper {
		names = append(names, h.Name)
	}
	for _, p := range s.Batch {
		names = append(names, p.Name)
	}
	return names
}

// TestORTTrainingOutputs: metrics first, as scalars; then nothing that a host sees.
func TestORTTrainingOutputs(t *testing.T) {
	eachORTTraining(t, func(t *testing.T, a *builders.ORTTraining) {
		for i, v := range a.Training.Graph.Outputs() {
			if i < len(a.Step.Metrics) {
				if v.Name != a.Step.Metrics[i] || v.Rank() != 0 || v.DType != onnxgraph.Float32 {
					t.Errorf("output %d is %s %v, want the scalar %s", i, v.Name, v.Type, a.Step.Metrics[i])
				}
			} else if !strings.HasSuffix(v.Name, writtenSuffix) || v.DType != onnxgraph.Bool {
				t.Errorf("output %d is %s %v, want a hidden flag", i, v.Name, v.Type)
			}
		}
		if a.Step.Metrics[0] != step.MetricLoss || a.EvalStep.Metrics[0] != step.MetricLoss {
			t.Errorf("metrics are %v and %v, want the loss first", a.Step.Metrics, a.EvalStep.Metrics)
		}
		var names []string
		for _, v := range a.Eval.Graph.Outputs() {
			names = append(names, v.Name)
		}
		if want := append(slices.Clone(a.EvalStep.Metrics), builders.EncoderClass, builders.EncoderTokens); !slices.Equal(names, want) {
			t.Errorf("EvalStep gives %v, want %v", names, want)
		}
	})
}

// TestORTTrainingWritesComeLast: a write in place has no order with other readers
// of the same memory but what edges give it. Each reader must be an ancestor of
// the write, also where bodies are inlined, as the library does.
func TestORTTrainingWritesComeLast(t *testing.T) {
	eachORTTraining(t, func(t *testing.T, a *builders.ORTTraining) {
		inlined, err := a.Training.Graph.Inline(func(s *onnxgraph.OpSchema) bool {
			return s.Domain == "" || s.Name == "InPlaceAccumulatorV2"
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []*onnxgraph.Graph{a.Training.Graph, inlined} {
			readers := map[*onnxgraph.Value][]*onnxgraph.Node{}
			for _, n := range g.Nodes() {
				for _, v := range n.Inputs {
					readers[v] = append(readers[v], n)
				}
			}
			written := map[string]bool{}
			for _, n := range g.Nodes() {
				if n.Op.Name != "InPlaceAccumulatorV2" {
					continue
				}
				target := n.Inputs[0]
				if target.Producer() != nil || target.Constant() != nil || written[target.Name] {
					t.Errorf("%s writes to %s: not an input, or a second time", n.Name, target.Name)
				}
				written[target.Name] = true
				before := ancestors(n)
				for _, r := range readers[target] {
					if r != n && !before[r] {
						t.Errorf("%s writes to %s, which %s may read later", n.Name, target.Name, r.Name)
					}
				}
			}
			for _, s := range a.Step.State {
				target := s.Name
				if s.Kind == step.Param {
					target += bufferSuffix
					if decayed := len(s.Shape) > 1; written[s.Name] != decayed {
						t.Errorf("%s: weight decay is taken off: %v, want %v", s.Name, written[s.Name], decayed)
					}
				}
				if !written[target] {
					t.Errorf("nothing writes to %s", target)
				}
			}
		}
	})
}

func ancestors(n *onnxgraph.Node) map[*onnxgraph.Node]bool {
	seen := map[*onnxgraph.Node]bool{}
	var visit func(n *onnxgraph.Node)
	visit = func(n *onnxgraph.Node) {
		for _, v := range n.Inputs {
			if v != nil && v.Producer() != nil && !seen[v.Producer()] {
				seen[v.Producer()] = true
				visit(v.Producer())
			}
		}
	}
	visit(n)
	return seen
}

// TestORTTrainingNodeNames: the library makes names out of those of nodes, so two
// of one name are refused.
func TestORTTrainingNodeNames(t *testing.T) {
	eachORTTraining(t, func(t *testing.T, a *builders.ORTTraining) {
		for _, m := range []*onnxgraph.Model{a.Training, a.Eval} {
			seen := map[string]bool{}
			for _, n := range m.Graph.Nodes() {
				if n.Name == "" || seen[n.Name] {
					t.Errorf("%s: the node name %q is empty or not the only one", m.Graph.Name, n.Name)
				}
				seen[n.Name] = true
			}
		}
	})
}

// TestORTTrainingIsTheStep evaluates the training model beside the step file, in
// float64: the same metrics and averages, and with AdamW's formula the same
// parameters; running statistics as plain loops have them. Then the evaluation
// model on what the step has computed with, against plain loops, with the new
// statistics and with the old.
func TestORTTrainingIsTheStep(t *testing.T) {
	eachORTTraining(t, func(t *testing.T, a *builders.ORTTraining) {
		built, err := build(configOf(t, a.Step))
		if err != nil {
			t.Fatal(err)
		}
		const lr, steps = 2e-3, 2
		state, batch := built.InitialState(7), randomBatch(built, 3)
		writes := exposeWrites(a.Training.Graph)
		exposeHeadInputs(built.Model.Graph)
		exposeHeadInputs(a.Eval.Graph)
		reference, training, eval := onnxgraph.NewEvaluator(built.Model.Graph), onnxgraph.NewEvaluator(a.Training.Graph), onnxgraph.NewEvaluator(a.Eval.Graph)
		statistics := map[string]*onnxgraph.Tensor{}
		for _, s := range a.Step.State {
			if s.Kind == step.Statistic {
				statistics[s.Name] = a.InitialState(7)[s.Name]
			}
		}
		for k := range steps {
			feeds := hyper(built, lr)
			maps.Copy(feeds, batch)
			for _, s := range built.State {
				feeds[s.In] = state[s.Name]
			}
			want, err := reference.Run(feeds)
			if err != nil {
				t.Fatal(err)
			}
			feeds["lazy_reset_grad"] = onnxgraph.NewTensor([]int{1}, []bool{true})
			for _, s := range a.Step.State {
				if s.Kind == step.Param { // what is left of a step before; reset leaves it out
					feeds[s.Name+bufferSuffix] = onnxgraph.Zeros(onnxgraph.Float64, s.Shape)
				}
			}
			maps.Copy(feeds, statistics)
			got, err := training.Run(pick(feeds, a.Training.Graph))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range a.Step.Metrics {
				near(t, m, got[m].Float64s(), want[m].Float64s())
			}

			evaluated, changed := maps.Clone(feeds), map[string]*onnxgraph.Tensor{}
			for _, s := range a.Step.State {
				after := got[writes[s.Name]]
				if s.Kind == step.EMA {
					near(t, s.Name, after.Float64s(), want[s.Name+".next"].Float64s())
					evaluated[s.Name] = after
					continue
				}
				if s.Kind == step.Statistic {
					changed[s.Name] = after
					continue
				}
				if after == nil { // not decayed
					after = state[s.Name]
				}
				gradient := got[writes[s.Name+bufferSuffix]].Float64s()
				near(t, s.Name, adamStep(after, gradient, state["moment1."+s.Name], state["moment2."+s.Name], lr, k+1), want[s.Name+".next"].Float64s())
			}
			trained := newPlainHeads(configOf(t, a.Step), evaluated, true)
			trained.embed(want)
			for name, after := range changed {
				near(t, name, after.Float64s(), trained.state[name])
			}
			for _, statistics := range []map[string]*onnxgraph.Tensor{statistics, changed} {
				maps.Copy(evaluated, statistics)
				out, err := eval.Run(pick(evaluated, a.Eval.Graph))
				if err != nil {
					t.Fatal(err)
				}
				losses := newPlainHeads(configOf(t, a.Step), evaluated, false).losses(t, out, evaluated)
				for _, m := range a.EvalStep.Metrics {
					near(t, "eval "+m, out[m].Float64s(), []float64{losses[m]})
				}
			}
			statistics = changed
			for _, s := range built.State {
				state[s.Name] = want[s.Out]
			}
		}
	})
}

// exposeWrites makes an output of what each write puts into its input, and gives
// the outputs' names by the inputs'.
func exposeWrites(g *onnxgraph.Graph) map[string]string {
	names := map[string]string{}
	for _, n := range g.Nodes() {
		if n.Op.Name == "InPlaceAccumulatorV2" {
			target := n.Inputs[0].Name
			names[target] = g.Output("written."+target, n.Outputs[1]).Name
		}
	}
	return names
}

// pick leaves out feeds that the graph has no input for.
func pick(feeds map[string]*onnxgraph.Tensor, g *onnxgraph.Graph) map[string]*onnxgraph.Tensor {
	out := map[string]*onnxgraph.Tensor{}
	for _, v := range g.Inputs() {
		out[v.Name] = feeds[v.Name]
	}
	return out
}

// adamStep is Adam without weight decay (arXiv 1412.6980, algorithm 1), which is
// what the optimizer model's node computes.
func adamStep(p *onnxgraph.Tensor, g []float64, m, v *onnxgraph.Tensor, lr float64, t int) []float64 {
	out := slices.Clone(p.Float64s())
	for i := range out {
		m1 := 0.9*m.Float64s()[i] + 0.1*g[i]
		v1 := 0.999*v.Float64s()[i] + 0.001*g[i]*g[i]
		out[i] -= lr * m1 / (1 - math.Pow(0.9, float64(t))) / (math.Sqrt(v1/(1-math.Pow(0.999, float64(t)))) + 1e-8)
	}
	return out
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-6*max(1, math.Abs(want[i]))) { // constants of the graphs are float32
			t.Fatalf("%s[%d] = %.12g, want %.12g", what, i, got[i], want[i])
		}
	}
}

// TestORTTrainingOptimizer reads the optimizer model back: the library compares
// its inputs with these, in this order.
func TestORTTrainingOptimizer(t *testing.T) {
	a, err := buildORTTraining(tiny("patchmix"))
	if err != nil {
		t.Fatal(err)
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(a.Optimizer, &m); err != nil {
		t.Fatal(err)
	}
	var inputs []string
	for _, v := range m.Graph.Input {
		inputs = append(inputs, v.GetName())
	}
	want := []string{"learning_rate", "step", "params", "gradients", "first_order_moments", "second_order_moments"}
	if !slices.Equal(inputs, want) || len(m.Graph.Node) != 1 || !slices.Equal(m.Graph.Node[0].Input, want) {
		t.Errorf("inputs are %v, want %v, all into one node", inputs, want)
	}
	numbers := map[string]float32{}
	for _, attribute := range m.Graph.Node[0].Attribute {
		numbers[attribute.GetName()] = attribute.GetF() + float32(attribute.GetI())
	}
	if want := map[string]float32{"alpha": 0.9, "beta": 0.999, "epsilon": 1e-8, "weight_decay": 0, "correct_bias": 1, "adam_mode": 0}; !maps.Equal(numbers, want) {
		t.Errorf("attributes are %v, want %v", numbers, want)
	}
}

// configOf is the configuration in a step's description.
func configOf(t *testing.T, s *step.Step) tasks.Contrastive {
	t.Helper()
	var c tasks.Contrastive
	if err := json.Unmarshal(s.Config, &c); err != nil {
		t.Fatal(err)
	}
	return c
}
