package runtimes_test

import (
	"fmt"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/runtimes/kernels"
	"pmx/step"
	"pmx/tasks"
)

// onEveryRuntime runs a comparison on every runtime, on stock ONNX Runtime with each
// kind of kernels and without.
func onEveryRuntime(t *testing.T, of string, check func(t *testing.T, r runtimes.Runtime, o runtimes.Options)) {
	for _, name := range runtimes.RuntimeNames() {
		variants := []string{""}
		if name == "ort" {
			variants = append(kernels.ISAs(), "off")
		}
		for _, variant := range variants {
			t.Run(strings.TrimSuffix(name+" kernels "+variant, " kernels ")+"/"+of, func(t *testing.T) {
				o := options(t)
				o.Kernels = variant
				check(t, openRuntime(t, name), o)
			})
		}
	}
}

// stepLogits runs a step's graph with the logits of its classifiers as outputs, in the
// order of their losses.
type stepLogits struct {
	runtimes.Inference
	names []string
}

func newStepLogits(t *testing.T, r runtimes.Runtime, o runtimes.Options, recipe tasks.Recipe) stepLogits {
	t.Helper()
	built, err := tasks.BuildStep(t.Context(), recipe)
	if err != nil {
		t.Fatal(err)
	}
	var l stepLogits
	g := built.Model.Graph
	for _, n := range g.Nodes() {
		if n.Op.Name == "SoftTargetCrossEntropy" {
			l.names = append(l.names, fmt.Sprintf("logits%d", len(l.names)))
			g.Output(l.names[len(l.names)-1], n.Inputs[0])
		}
	}
	if l.Inference, err = r.NewInference(built.Model, o); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l stepLogits) run(t *testing.T, built *step.Step, state step.State, batch map[string]*onnxgraph.Tensor, hyper map[string]float64) []*onnxgraph.Tensor {
	t.Helper()
	feeds := map[string]*onnxgraph.Tensor{}
	for _, x := range built.State {
		feeds[x.In] = state[x.Name]
	}
	for name, x := range batch {
		feeds[name] = x
	}
	for name, v := range hyper {
		feeds[name] = onnxgraph.NewTensor([]int{1}, []float32{float32(v)})
	}
	out, err := l.Run(feeds)
	if err != nil {
		t.Fatal(err)
	}
	var logits []*onnxgraph.Tensor
	for _, name := range l.names {
		logits = append(logits, out[name])
	}
	return logits
}

// within compares with recorded numbers, except for those that skip marks.
func within(t *testing.T, what string, got *onnxgraph.Tensor, want []float32, tolerance float64, skip ...func(i int) bool) {
	t.Helper()
	wide := make([]float64, len(want))
	for i, v := range want {
		wide[i] = float64(v)
	}
	var undetermined func(i int) bool
	if len(skip) > 0 {
		undetermined = skip[0]
	}
	if worst, _ := worstDifference(got.Float64s(), wide, undetermined); !(worst <= tolerance) {
		t.Errorf("%s differs by %.3g", what, worst)
	}
}
