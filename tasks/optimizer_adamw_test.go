package tasks_test

import (
	"math"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/step"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
)

// takeStep computes one step from the initial state in float64. change, if not nil,
// may change what is fed.
func takeStep(t *testing.T, c tasks.Contrastive, change func(feeds map[string]*onnxgraph.Tensor)) (*step.Step, map[string]*onnxgraph.Tensor) {
	t.Helper()
	s, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	feeds := hyper(s, 2e-3)
	for name, x := range randomBatch(s, 3) {
		feeds[name] = x
	}
	state := s.InitialState(7)
	for _, st := range s.State {
		feeds[st.In] = state[st.Name]
	}
	if change != nil {
		change(feeds)
	}
	out, err := onnxgraph.NewEvaluator(s.Model.Graph).Run(feeds)
	if err != nil {
		t.Fatal(err)
	}
	return s, out
}

// moments are the first moments after one step, by parameter: a tenth of the
// gradient.
func moments(s *step.Step, out map[string]*onnxgraph.Tensor) map[string][]float64 {
	m := map[string][]float64{}
	for _, st := range s.State {
		if name, ok := strings.CutPrefix(st.Name, string(step.Moment1)+"."); ok {
			m[name] = out[st.Out].Float64s()
		}
	}
	return m
}

// length of all of them as one vector.
func length(moments map[string][]float64) float64 {
	sum := 0.0
	for _, m := range moments {
		for _, v := range m {
			sum += v * v
		}
	}
	return math.Sqrt(sum)
}

// TestClipGrad: gradients past the limit are scaled by limit/(norm+1e-6), all by the
// same number, and shorter ones are left alone; the norm that is reported is that
// before.
func TestClipGrad(t *testing.T) {
	c := tiny("patchmix")
	c.ClipGrad = 0
	s, out := takeStep(t, c, nil)
	whole, norm := moments(s, out), out[step.MetricGradNorm].Float64s()[0]
	if want := length(whole) / 0.1; !(math.Abs(norm-want) <= 1e-6*want) { // 1-β1 is a float32
		t.Errorf("grad_norm is %.9g, the gradients' length %.9g", norm, want)
	}
	limit := math.Exp2(math.Floor(math.Log2(norm))) // exact in float32
	for _, limit := range []float64{limit / 4, limit, 2 * limit} {
		c.ClipGrad = limit
		s, out := takeStep(t, c, nil)
		if n := out[step.MetricGradNorm].Float64s()[0]; n != norm {
			t.Errorf("clip_grad %g: grad_norm is %g, want %g", limit, n, norm)
		}
		scale := min(1, limit/(norm+1e-6))
		if (scale < 1) != (limit < norm) {
			t.Fatalf("clip_grad %g scales a norm of %g by %g", limit, norm, scale)
		}
		for name, got := range moments(s, out) {
			want := make([]float64, len(got))
			for i, v := range whole[name] {
				want[i] = scale * v
			}
			if err := numtest.Compare(got, want, numtest.Tolerance("double", numtest.Summed)); err != nil {
				t.Errorf("clip_grad %g: %s: %v", limit, name, err)
			}
		}
	}
}
