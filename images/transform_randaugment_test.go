package images

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestParseRandAugment(t *testing.T) {
	bicubic := []Filter{Bicubic}
	for spec, want := range map[string]RandAugment{
		"rand":                       {Layers: 2, Magnitude: 10, Max: 10, P: .5, Filters: bicubic},
		"rand-m9-mstd0.5-inc1":       {Layers: 2, Magnitude: 9, Std: .5, Max: 10, P: .5, Increasing: true, Filters: bicubic},
		"rand-inc0-n3-p0.25-m7":      {Layers: 3, Magnitude: 7, Max: 10, P: .25, Increasing: true, Filters: bicubic},
		"rand-m15-mmax20-mstd101-p1": {Layers: 2, Magnitude: 15, Uniform: true, Max: 20, P: 1, Filters: bicubic},
	} {
		if got, err := ParseRandAugment(spec); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, %v, want %+v", spec, got, err, want)
		}
	}
	for spec, want := range map[string]string{
		"":               `must begin with "rand"`,
		"m9":             `must begin with "rand"`,
		"rand-m":         `"m" has no number`,
		"rand-":          `"" has no number`,
		"rand-m9x":       `"9x" is not a number`,
		"rand-m9.5":      "m takes an integer, not 9.5",
		"rand-w0":        `there is no "w", choose of m, n, mstd, mmax, p, inc`,
		"rand-n0":        "0 operators for an image",
		"rand-n9e99":     "1000000 operators",
		"rand-p2":        "probability 2",
		"rand-m200":      "magnitude 200",
		"rand-mmax0":     "levels of RandAugment up to 0",
		"rand-mstd1e999": `"1e999" is not a number`,
	} {
		if _, err := ParseRandAugment(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", spec, err, want)
		}
	}
}

// TestRandAugmentDraws: operators, applications, signs and levels are distributed as
// timm's. The bounds are five standard deviations of the counts.
func TestRandAugmentDraws(t *testing.T) {
	r, err := ParseRandAugment("rand-m9-mstd0.5-inc1")
	if err != nil {
		t.Fatal(err)
	}
	r.Filters = []Filter{Bicubic, Bilinear}
	const draws = 100_000
	rng := rand.New(rand.NewPCG(9, 1))
	operatorCounts := map[string]int{}
	var applied, negative, clipped, bilinear int
	var levels float64
	for range draws {
		d := r.draw(rng)
		operatorCounts[d.operator.name]++
		if !d.applied {
			continue
		}
		applied++
		levels += d.level
		if d.sign < 0 {
			negative++
		}
		if d.level == 10 {
			clipped++
		}
		if d.filter == Bilinear {
			bilinear++
		}
		if d.level < 0 || d.level > 10 {
			t.Fatalf("level %g", d.level)
		}
	}
	binomial := func(what string, count, n int, p float64) {
		t.Helper()
		if d := math.Abs(float64(count) - float64(n)*p); !(d <= 5*math.Sqrt(float64(n)*p*(1-p))) {
			t.Errorf("%s: %d of %d, want %.4f of them", what, count, n, p)
		}
	}
	for _, op := range operators {
		binomial(op.name, operatorCounts[op.name], draws, 1./15)
	}
	binomial("applied", applied, draws, .5)
	binomial("negative", negative, applied, .5)
	binomial("bilinear", bilinear, applied, .5)
	// A level is min(10, N(9, 0.5)): above 10 at two standard deviations, and on
	// average lower by 0.5·(φ(2) - 2·(1-Φ(2))) = 0.00425.
	binomial("clipped to 10", clipped, applied, .5*math.Erfc(math.Sqrt2))
	if mean := levels / float64(applied); !(math.Abs(mean-8.99575) < 5*.5/math.Sqrt(float64(applied))) {
		t.Errorf("the mean level is %g, want 8.99575", mean)
	}
	r.Uniform, r.Std = true, 0
	sum := 0.
	for range draws {
		sum += r.drawLevel(rng)
	}
	if mean := sum / draws; !(math.Abs(mean-4.5) < 5*9/math.Sqrt(12*draws)) {
		t.Errorf("the mean of uniform levels is %g, want 4.5", mean)
	}
}

// TestRandAugmentApplies: every operator acts on images, a part (1-P)^Layers of them
// stays untouched, and the same generator gives the same image whatever the workspace
// was used for.
func TestRandAugmentApplies(t *testing.T) {
	r := RandAugment{Layers: 2, Magnitude: 5, Max: 10, P: .5, Increasing: true, Filters: []Filter{Bicubic}}
	src, used := readPNG(t, "testdata/transforms/source.png"), new(Workspace)
	const draws = 2000
	same := 0
	for i := range uint64(draws) {
		got := r.Apply(src.Clone(), rand.New(rand.NewPCG(i, 0)), used)
		if bytes.Equal(got.Pix, src.Pix) {
			same++
		}
		if i < 200 {
			if want := r.Apply(src.Clone(), rand.New(rand.NewPCG(i, 0)), new(Workspace)); !bytes.Equal(got.Pix, want.Pix) {
				t.Fatalf("draw %d differs with a used workspace", i)
			}
		}
	}
	// AutoContrast may leave an image as it is, too; this one has 0 and 255 in every
	// channel. Untouched: no operator at all, or AutoContrast only.
	untouched := .5 + .5/15
	if rate, want := float64(same)/draws, untouched*untouched; !(math.Abs(rate-want) < 5*math.Sqrt(want*(1-want)/draws)) {
		t.Errorf("%g of the images stay untouched, want %g", rate, want)
	}
}

// TestPosterizeToNothing: at level 10 no bit is kept, which Pillow 9.5 makes black.
func TestPosterizeToNothing(t *testing.T) {
	op := operatorNamed(t, "Posterize")
	img := op.change(augmenter{}, noise(4, 3), op.argument(true)(1, 1))
	if !bytes.Equal(img.Pix, make([]byte, 36)) {
		t.Errorf("level 10 leaves %v", img.Pix)
	}
}
