package images

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pmx/internal/recording"
)

// TestMixingRecorded: with timm's weights and boxes, timm's images and targets.
func TestMixingRecorded(t *testing.T) {
	f := recording.Open(t, "supervised/mixing.safetensors")
	var cases []struct {
		Name, Mode string
		Drawn      []float64
		Cutmix     []bool
		Box        []*[4]int // top, bottom, left, right
		Classes    int
		Smoothing  float64
	}
	f.Meta(t, "cases", &cases)
	kinds := map[string]int{}
	for _, c := range cases {
		shape := f.Shape(t, c.Name+"/raw")
		n, h, w := shape[0], shape[2], shape[3]
		mixes := make([]Mix, n)
		for i := range mixes {
			at := map[string]int{MixBatch: 0, MixPair: min(i, n-1-i), MixElem: i}[c.Mode]
			mixes[i] = Mix{Lambda: c.Drawn[at]}
			if b := c.Box[at]; b != nil {
				mixes[i] = cutmix(Rect{Y: b[0], H: b[1] - b[0], X: b[2], W: b[3] - b[2]}, h, w)
				kinds["cutmix"]++
			} else {
				kinds["mixup"]++
			}
		}
		kinds[c.Mode]++
		images, want := f.Floats(t, c.Name+"/raw"), f.Floats(t, c.Name+"/images")
		MixImages(images, shape[1], h, w, mixes)
		tolerance := 1e-6
		if !slices.ContainsFunc(mixes, func(m Mix) bool { return !m.Cutmix && m.Lambda < 1 }) {
			tolerance = 0
		}
		if d := farthest(images, want); !(d <= tolerance) {
			t.Errorf("%s (%s): images differ by %g, at most %g is expected", c.Name, c.Mode, d, tolerance)
		}
		target := make([]float32, n*c.Classes)
		MixTargets(target, f.Ints(t, c.Name+"/labels"), c.Classes, c.Smoothing, mixes)
		if d := farthest(target, f.Floats(t, c.Name+"/target")); !(d <= 1e-6) {
			t.Errorf("%s (%s): targets differ by %g", c.Name, c.Mode, d)
		}
	}
	if len(kinds) != 5 {
		t.Errorf("cases of %v, want all modes and both kinds", kinds)
	}
}

// TestFinetuningMixesRecorded: the steps of a recorded fine-tuning are fed what
// becomes of their images.
func TestFinetuningMixesRecorded(t *testing.T) {
	f := recording.Open(t, "supervised/finetune_timm.safetensors")
	var mixes []struct {
		Kind  string
		Drawn float64
		Lam   float64
		Box   *[4]int // top, bottom, left, right
	}
	f.Meta(t, "mixes", &mixes)
	for step, m := range mixes {
		name := func(s string) string { return fmt.Sprintf("step%d/%s", step, s) }
		shape := f.Shape(t, name("raw"))
		mix, tolerance := Mix{Lambda: m.Drawn}, 1e-6
		if b := m.Box; b != nil {
			mix, tolerance = cutmix(Rect{Y: b[0], H: b[1] - b[0], X: b[2], W: b[3] - b[2]}, shape[2], shape[3]), 0
		}
		if mix.Lambda != m.Lam {
			t.Errorf("step %d: %s has weight %g, want %g", step, m.Kind, mix.Lambda, m.Lam)
		}
		images := f.Floats(t, name("raw"))
		MixImages(images, shape[1], shape[2], shape[3], slices.Repeat([]Mix{mix}, shape[0]))
		if d := farthest(images, f.Floats(t, name("images"))); !(d <= tolerance) {
			t.Errorf("step %d: %s images differ by %g, at most %g is expected", step, m.Kind, d, tolerance)
		}
		target := make([]float32, shape[0]*5)
		MixTargets(target, f.Ints(t, name("labels")), 5, .1, slices.Repeat([]Mix{mix}, shape[0]))
		if d := farthest(target, f.Floats(t, name("target"))); !(d <= 1e-6) {
			t.Errorf("step %d: targets differ by %g", step, d)
		}
	}
	if len(mixes) != 3 {
		t.Errorf("%d steps, want 3", len(mixes))
	}
}

// farthest is the largest distance of two elements; NaN if there is one.
func farthest(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	worst := 0.
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// recipeMixup is what the published recipes fine-tune with.
func recipeMixup() Mixup {
	return Mixup{MixupAlpha: .8, CutmixAlpha: 1, Prob: 1, SwitchProb: .5, Mode: MixBatch}
}

// TestMixupDraws: how often which kind is drawn and with which weights. Of
// Beta(α, α) the mean is 1/2 and the variance 1/(4·(2α+1)).
func TestMixupDraws(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	const draws, h, w = 40000, 30, 20
	m := recipeMixup()
	m.Prob = .7
	var mixed, cut int
	var sum, squares float64
	for range draws {
		mix := m.draw(rng, h, w)
		switch {
		case mix.Cutmix:
			cut++
			b := mix.Box
			if b.X < 0 || b.Y < 0 || b.W < 0 || b.H < 0 || b.X+b.W > w || b.Y+b.H > h {
				t.Fatalf("box %+v", b)
			}
			if want := 1 - float64(b.W*b.H)/(h*w); mix.Lambda != want {
				t.Errorf("the weight beside %+v is %g, want %g", b, mix.Lambda, want)
			}
		case mix != unmixed:
			mixed++
			sum += mix.Lambda
			squares += (mix.Lambda - .5) * (mix.Lambda - .5)
		}
	}
	tolerance := 5 / math.Sqrt(draws)
	if a, b := float64(mixed)/draws, float64(cut)/draws; !(math.Abs(a-.35) < .5*tolerance && math.Abs(b-.35) < .5*tolerance) {
		t.Errorf("mixup at a rate of %g and cutmix of %g, want .35 each", a, b)
	}
	tolerance = 5 / math.Sqrt(float64(mixed))
	if mean, variance := sum/float64(mixed), squares/float64(mixed); !(math.Abs(mean-.5) < .4*tolerance && math.Abs(variance-1/(4*2.6)) < .1*tolerance) {
		t.Errorf("weights with mean %g and variance %g, want .5 and %g", mean, variance, 1/(4*2.6))
	}
}

// TestBeta: the moments of Beta(α, α) over all alphas that may be configured.
func TestBeta(t *testing.T) {
	for _, alpha := range []float64{minAlpha, .1, .2, .8, 1, 4, maxAlpha} {
		rng := rand.New(rand.NewPCG(6, 2))
		const draws = 20000
		var sum, squares float64
		for range draws {
			v := beta(rng, alpha)
			if !(v >= 0 && v <= 1) {
				t.Fatalf("Beta(%g, %g) gives %g", alpha, alpha, v)
			}
			sum += v
			squares += (v - .5) * (v - .5)
		}
		// Neither v nor its square varies by more than 1/2 and 1/4 about its mean.
		want := 1 / (4 * (2*alpha + 1))
		if mean, variance := sum/draws, squares/draws; !(math.Abs(mean-.5) < 5*math.Sqrt(want/draws) && math.Abs(variance-want) < 5*math.Sqrt(want/4/draws)) {
			t.Errorf("Beta(%g, %g) has mean %g and variance %g, want .5 and %g", alpha, alpha, mean, variance, want)
		}
	}
}

// TestCutmixBoxes: centres are uniform, and without cutting off the area is that of
// the weight.
func TestCutmixBoxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 3))
	const side, draws = 101, 20000
	var x, y float64
	whole := 0
	for i := range draws {
		// int(101·0.2) = 20 and int(101·0.21) = 21: ten pixels to either side.
		lambda := [...]float64{1 - .2*.2, 1 - .21*.21}[i%2]
		b := boxOf(rng, lambda, side, side)
		if b.X > 0 && b.X+b.W < side && b.Y > 0 && b.Y+b.H < side {
			whole++
			if b.W != 20 || b.H != 20 {
				t.Fatalf("box %+v, want 20x20", b)
			}
			x += float64(b.X+10) - 50
			y += float64(b.Y+10) - 50
		}
	}
	// 80 of 101 centres along a side keep a pixel free on both: 11 ... 90.
	if rate, want := float64(whole)/draws, 80./101*80/101; !(math.Abs(rate-want) < 5*math.Sqrt(want*(1-want)/draws)) {
		t.Errorf("%g of the boxes are whole, want %g", rate, want)
	}
	bound := 5 * 80 / math.Sqrt(12*float64(whole))
	if mx, my := x/float64(whole)-.5, y/float64(whole)-.5; !(math.Abs(mx) < bound && math.Abs(my) < bound) {
		t.Errorf("boxes lie about %g, %g from the middle", mx, my)
	}
	m := Mixup{CutmixMinMax: [2]float64{.2, .8}, Prob: 1, Mode: MixBatch}
	if err := m.Check(2, 50, 10); err != nil {
		t.Fatal(err)
	}
	heights, widths := map[int]int{}, map[int]int{}
	for range draws {
		mix := m.draw(rng, 50, 10)
		b := mix.Box
		if !mix.Cutmix || b.X < 0 || b.Y < 0 || b.X+b.W > 10 || b.Y+b.H > 50 || mix.Lambda != 1-float64(b.W*b.H)/500 {
			t.Fatalf("%+v", mix)
		}
		heights[b.H]++
		widths[b.W]++
	}
	if len(heights) != 30 || heights[10] == 0 || heights[39] == 0 || len(widths) != 6 || widths[2] == 0 || widths[7] == 0 {
		t.Errorf("heights %v, want 10 to 39; widths %v, want 2 to 7", heights, widths)
	}
}

// TestMixModes: which images share a draw.
func TestMixModes(t *testing.T) {
	for mode, want := range map[string]int{MixBatch: 1, MixPair: 4, MixElem: 8} {
		m := recipeMixup()
		m.Mode, m.SwitchProb = mode, 0
		mixes := m.Draw(rand.New(rand.NewPCG(6, 4)), 8, 5, 5)
		different := map[Mix]bool{}
		for i, mix := range mixes {
			different[mix] = true
			if mode != MixElem && mix != mixes[7-i] {
				t.Errorf("%s: partners %d and %d have %+v and %+v", mode, i, 7-i, mix, mixes[7-i])
			}
		}
		if len(different) != want {
			t.Errorf("%s: %d draws, want %d", mode, len(different), want)
		}
	}
}

// TestTargets: rows sum to 1, and without smoothing and mixing they are one-hot.
func TestTargets(t *testing.T) {
	labels := []int{2, 0, 1, 2}
	target := make([]float32, 12)
	MixTargets(target, labels, 3, 0, nil)
	if want := []float32{0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1}; !slices.Equal(target, want) {
		t.Errorf("targets %v, want %v", target, want)
	}
	m := recipeMixup()
	m.Mode = MixElem
	MixTargets(target, labels, 3, .1, m.Draw(rand.New(rand.NewPCG(6, 5)), 4, 9, 9))
	for i := range labels {
		if sum := target[3*i] + target[3*i+1] + target[3*i+2]; !(math.Abs(float64(sum)-1) < 1e-6) {
			t.Errorf("row %d sums to %g", i, sum)
		}
	}
}

func TestMixupErrors(t *testing.T) {
	for want, change := range map[string]func(m *Mixup){
		"alpha -1 for mixup":         func(m *Mixup) { m.MixupAlpha = -1 },
		"and 0.001 for cutmix":       func(m *Mixup) { m.CutmixAlpha = .001 },
		"neither mixup nor cutmix":   func(m *Mixup) { m.MixupAlpha, m.CutmixAlpha = 0, 0 },
		"probability 1.1 of mixing":  func(m *Mixup) { m.Prob = 1.1 },
		`mode "half"`:                func(m *Mixup) { m.Mode = "half" },
		"sides from 0.5 to 0.5":      func(m *Mixup) { m.CutmixMinMax = [2]float64{.5, .5} },
		"sides from 0.2 to 1.5 of 8": func(m *Mixup) { m.CutmixMinMax = [2]float64{.2, 1.5} },
	} {
		m := recipeMixup()
		change(&m)
		if err := m.Check(4, 8, 8); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	m := recipeMixup()
	if err := m.Check(5, 8, 8); err == nil || !strings.Contains(err.Error(), "must be even, not of n = 5") {
		t.Errorf("error %v", err)
	}
	if err := m.Check(4, 8, 8); err != nil {
		t.Error(err)
	}
}
