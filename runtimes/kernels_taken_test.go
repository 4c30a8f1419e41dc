package runtimes_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/runtimes"
	"pmx/step"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/runtimes/kernels"
)

// inNoStep lists the operators that have a kernel and that no training step has,
// with the reason.
var inNoStep = map[string]string{
	"com.microsoft.SoftmaxGrad_13":    "a step's only softmax is inside of attention, whose gradient has a kernel of its own; other graphs that differentiate op.Softmax take it",
	"com.microsoft.LogSoftmaxGrad_13": "a step's only log softmax is inside of SoftTargetCrossEntropy; other graphs that differentiate op.LogSoftmax take it",
	"pmx.RelativeAttention":           "it is for detectors, which these steps do not train",
	"pmx.RelativeAttentionGrad":       "it is for detectors, which these steps do not train",
	"pmx.RoiAlignGrad":                "it is for detectors, which these steps do not train; graphs that differentiate op.RoiAlign take it",
}

// kernelSteps are small steps that together have every other operator with a kernel.
func kernelSteps() map[string]tasks.Contrastive {
	patchmix := tasks.Contrastive{
		Method: "patchmix", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 8, PatchSize: 2, Dim: 8, Depth: 2, Heads: 2, MLPRatio: 2},
			ProjLayers: 2, PredLayers: 2, Hidden: 8, OutDim: 4, Batch: 4, MixNum: builders.IntSet{2},
		}}
	momentum, local, mocov3 := patchmix, patchmix, patchmix
	momentum.MomentumEncoder = true
	local.LocalCrops, local.LocalSize, local.DropPath, local.ClipGrad = 2, 4, 0.1, 3
	mocov3.Method, mocov3.MomentumEncoder = "mocov3", true
	return map[string]tasks.Contrastive{"patchmix with momentum encoder": momentum, "patchmix with local crops": local, "mocov3": mocov3}
}

// TestKernelsTaken looks into traces of steps: each operator with a kernel runs by
// its own name with kernels of each instruction set, and by its body without.
func TestKernelsTaken(t *testing.T) {
	runtime := openRuntime(t, "ort")
	seen := map[string]bool{}
	for name, config := range kernelSteps() {
		built, err := tasks.BuildStep(t.Context(), &config)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, n := range built.Model.Graph.Nodes() {
			if slices.Contains(kernels.Names(), n.Op.ID()) && !slices.Contains(want, n.Op.Name) {
				want = append(want, n.Op.Name)
				seen[n.Op.ID()] = true
			}
		}
		for _, setting := range append(kernels.ISAs(), "on", "off") {
			t.Run(name+"/kernels "+setting, func(t *testing.T) {
				ran := operatorsOfOneStep(t, runtime, built, setting)
				for _, op := range want {
					if got, on := slices.Contains(ran, op), setting != "off"; got != on {
						t.Errorf("%s ran as a kernel: %v, want %v", op, got, on)
					}
				}
			})
		}
	}
	for _, name := range kernels.Names() {
		if why := inNoStep[name]; seen[name] == (why != "") {
			t.Errorf("%s: some step has it: %v; the reason why none would: %q", name, seen[name], why)
		}
	}
	for name := range inNoStep {
		if !slices.Contains(kernels.Names(), name) {
			t.Errorf("%s has no kernel", name)
		}
	}
}

// TestGradientsAreUsedUp looks into the order of a step: parameters are updated while
// gradients of others are still to be computed, and once the last is updated nothing
// reads a gradient. With clipping, the first update waits for the last gradient.
func TestGradientsAreUsedUp(t *testing.T) {
	for name, config := range kernelSteps() {
		built, err := tasks.BuildStep(t.Context(), &config)
		if err != nil {
			t.Fatal(err)
		}
		ran := operatorsOfOneStep(t, openRuntime(t, "ort"), built, "on")
		first, lastUpdate, lastGradient := slices.Index(ran, "AdamW"), lastIndex(ran, "AdamW"), lastIndex(ran, "LinearGradWeight")
		if first < 0 || lastGradient < 0 {
			t.Fatalf("%s: no update or no gradient in %v", name, ran)
		}
		if early, want := first < lastGradient, config.ClipGrad == 0; early != want {
			t.Errorf("%s: a parameter is updated before the last gradient: %v, want %v", name, early, want)
		}
		for _, op := range ran[lastUpdate+1:] {
			if op == "ReduceSumSquare" || strings.Contains(op, "Grad") {
				t.Errorf("%s: %s holds a gradient beyond the last update", name, op)
			}
		}
	}
}

func lastIndex(list []string, s string) int {
	for i, other := range slices.Backward(list) {
		if other == s {
			return i
		}
	}
	return -1
}

// operatorsOfOneStep lists what a step has run, in order, by its trace. What it
// computes does not matter here: its state is the initial one, its batch zeros.
func operatorsOfOneStep(t *testing.T, runtime runtimes.Runtime, built *step.Step, setting string) []string {
	t.Helper()
	o := options(t)
	o.Kernels, o.ProfilePrefix = setting, filepath.Join(t.TempDir(), "trace")
	session, err := runtime.NewSession(built, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	feeds, hyper := map[string]*onnxgraph.Tensor{}, map[string]float64{}
	for _, p := range built.Batch {
		feeds[p.Name] = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
	}
	for _, h := range built.Hyper {
		hyper[h.Name] = 0.1
	}
	if err := session.SetState(built.InitialState(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Step(context.Background(), feeds, hyper); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil { // writes the trace
		t.Fatal(err)
	}
	return tracedOperators(t, o.ProfilePrefix)
}
