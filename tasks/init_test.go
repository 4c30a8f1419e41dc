package tasks_test

import (
	"math"
	"regexp"
	"slices"
	"testing"

	"pmx/step"

	"pmx/onnxgraph"
)

// initRule is what tensors of a name begin as; the first that fits counts.
type initRule struct {
	name  string // a regular expression
	check func(t *testing.T, name string, x []float64)
}

// TestInitialWeights holds the statistics of every initial tensor: those of MoCo v3
// (arXiv 2104.02057), and of torch.nn.Linear for the heads.
func TestInitialWeights(t *testing.T) {
	c := tiny("patchmix")
	c.ImageSize, c.LocalSize, c.PatchSize, c.Dim, c.MLPRatio, c.Hidden, c.OutDim = 64, 8, 4, 48, 3, 80, 56
	s, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	state := s.InitialState(11)
	d, patch, hidden, out := float64(c.Dim), 3*float64(c.PatchSize*c.PatchSize), float64(c.Hidden), float64(c.OutDim)
	xavier := func(in, out float64) float64 { return math.Sqrt(6 / (in + out)) }
	rules := []initRule{
		{`^moment[12]\.|^step$`, all(0)},
		{`\.attn\.qkv\.weight$`, func(t *testing.T, name string, x []float64) {
			for third := range slices.Chunk(x, len(x)/3) { // three square matrices
				isUniform(t, name, third, xavier(d, d))
			}
		}},
		{`\.attn\.proj\.weight$`, uniformWithin(xavier(d, d))},
		{`\.mlp\.fc[12]\.weight$`, uniformWithin(xavier(d, 3*d))},
		{`encoder\.patch_embed\.proj\.weight$`, uniformWithin(xavier(patch, d))},
		{`encoder\.cls_token$`, normalOf(1e-6)},
		{`encoder\.pos_embed$`, normalOf(.02)},
		{`encoder\.head\.0\.weight$`, uniformWithin(1 / math.Sqrt(d))},
		{`^predictor\.0\.weight$`, uniformWithin(1 / math.Sqrt(out))},
		{`(head|predictor)\.3\.weight$`, uniformWithin(1 / math.Sqrt(hidden))},
		{`(norm\d?|\.1)\.weight$`, all(1)},
		{`\.bias$`, all(0)},
	}
	used := map[string]bool{}
	for _, st := range s.State {
		i := slices.IndexFunc(rules, func(r initRule) bool { return regexp.MustCompile(r.name).MatchString(st.Name) })
		if i < 0 {
			t.Errorf("no rule for %s", st.Name)
			continue
		}
		used[rules[i].name] = true
		rules[i].check(t, st.Name, state[st.Name].Float64s())
	}
	for _, r := range rules {
		if !used[r.name] {
			t.Errorf("no tensor is called %s", r.name)
		}
	}
	draws(t, s, state)
}

// draws asks that tensors of one shape differ, another seed gives others, and the
// momentum encoder begins as the base encoder.
func draws(t *testing.T, s *step.Step, state map[string]*onnxgraph.Tensor) {
	same := func(a, b *onnxgraph.Tensor) bool { return slices.Equal(a.Float64s(), b.Float64s()) }
	const weight = "blocks.0.attn.qkv.weight"
	base := state["base_encoder."+weight]
	if same(base, state["base_encoder.blocks.1.attn.qkv.weight"]) {
		t.Error("two blocks begin with the same weights")
	}
	if same(base, s.InitialState(12)["base_encoder."+weight]) {
		t.Error("two seeds give the same weights")
	}
	if !same(base, s.InitialState(11)["base_encoder."+weight]) {
		t.Error("the same seed gives other weights")
	}
	if !same(base, state["momentum_encoder."+weight]) {
		t.Error("the momentum encoder begins with other weights than the base encoder")
	}
}

// Statistics of n independent draws scatter by some 1/√n. Four such deviations are
// one false alarm in 15,000, and the seed is fixed.
const deviations = 4

// isUniform asks for draws from [-bound, bound): no larger one, nearly as large
// ones, a mean of 0 and a variance of bound²/3.
func isUniform(t *testing.T, name string, x []float64, bound float64) {
	t.Helper()
	n := float64(len(x))
	largest := 0.0
	for _, v := range x {
		largest = math.Max(largest, math.Abs(v))
	}
	if !(largest <= float64(float32(bound))) || !(largest > bound*(1-10/n)) {
		t.Errorf("%s: the largest of %d is %g, want the bound %g nearly", name, len(x), largest, bound)
	}
	// E[x⁴] = bound⁴/5, so the variance of x² is (1/5-1/9) bound⁴.
	hasMoments(t, name, x, bound*bound/3, math.Sqrt(4.0/45)*bound*bound)
}

// hasMoments asks for a mean of 0 and a variance, given the deviation of x².
func hasMoments(t *testing.T, name string, x []float64, variance, deviation float64) {
	t.Helper()
	sum, squares, n := 0.0, 0.0, float64(len(x))
	for _, v := range x {
		sum, squares = sum+v, squares+v*v
	}
	if limit := deviations * math.Sqrt(variance/n); !(math.Abs(sum/n) <= limit) {
		t.Errorf("%s: the mean of %d is %g, want 0 ± %.2g", name, len(x), sum/n, limit)
	}
	if limit := deviations * deviation / math.Sqrt(n); !(math.Abs(squares/n-variance) <= limit) {
		t.Errorf("%s: the variance of %d is %g, want %g ± %.2g", name, len(x), squares/n, variance, limit)
	}
}

func uniformWithin(bound float64) func(*testing.T, string, []float64) {
	return func(t *testing.T, name string, x []float64) { isUniform(t, name, x, bound) }
}

// normalOf asks for draws from N(0, std²), whose squares deviate by √2·std².
func normalOf(std float64) func(*testing.T, string, []float64) {
	return func(t *testing.T, name string, x []float64) {
		hasMoments(t, name, x, std*std, math.Sqrt2*std*std)
	}
}

func all(value float64) func(*testing.T, string, []float64) {
	return func(t *testing.T, name string, x []float64) {
		for i, v := range x {
			if v != value {
				t.Errorf("%s: element %d is %g, want %g", name, i, v, value)
				return
			}
		}
	}
}
