package tasks_test

import (
	"math"
	"testing"

	"pmx/images"
	"pmx/patchmix"
	"pmx/step"
	"pmx/tasks"

	"pmx/builders"
)

var nan, inf = math.NaN(), math.Inf(1)

// published are the recipes of the paper (arXiv 2306.12243) and of its code, in
// numbers: batch, epochs, warm-up, learning rates, weight decay and so on by preset.
var published = map[string]struct {
	dim, depth, heads, image, patch  int
	batch, epochs, warmup, local     int
	baseLR, decay, decayEnd, minCrop float64
	momentum                         bool
}{
	"imagenet-tiny":  {192, 12, 3, 224, 16, 1024, 300, 10, 8, 2e-3, .02, .2, .35, false},
	"imagenet-small": {384, 12, 12, 224, 16, 1024, 300, 10, 8, 5e-4, .04, .4, .35, true},
	"imagenet-base":  {768, 12, 12, 224, 16, 1024, 300, 10, 8, 7.5e-4, .04, .4, .35, true},
	"cifar-tiny":     {192, 12, 3, 32, 2, 512, 800, 100, 0, 2e-3, .02, .2, .1, false},
	"cifar-small":    {384, 12, 12, 32, 2, 512, 800, 100, 0, 5e-4, .04, .4, .1, true},
	"cifar-base":     {768, 12, 12, 32, 2, 512, 800, 100, 0, 7.5e-4, .04, .4, .1, true},
}

func publishedRecipe(t *testing.T, name string) *tasks.Contrastive {
	t.Helper()
	p, err := tasks.LookupPreset(name)
	if err != nil {
		t.Fatal(err)
	}
	return p.Recipe().(*tasks.Contrastive)
}

// TestPublishedModels holds the presets' models to the paper's.
func TestPublishedModels(t *testing.T) {
	for name, want := range published {
		r := publishedRecipe(t, name)
		got := builders.SiameseConfig{
			ViTConfig:  builders.ViTConfig{ImageSize: want.image, PatchSize: want.patch, Dim: want.dim, Depth: want.depth, Heads: want.heads, MLPRatio: 4},
			ProjLayers: 3, PredLayers: 2, Hidden: 4096, OutDim: 256, Batch: want.batch, MomentumEncoder: want.momentum,
			LocalCrops: want.local, LocalSize: r.LocalSize, DropPath: .1, MixNum: r.MixNum,
		}
		if want.local > 0 && r.LocalSize != 96 || len(r.MixNum) != 1 || r.MixNum[0] != 2 {
			t.Errorf("%s: local crops of %d pixels, mixes of %v, want 96 and 2", name, r.LocalSize, r.MixNum)
		}
		r.MixNum, got.MixNum = nil, nil
		if a, b := r.SiameseConfig, got; a.ViTConfig != b.ViTConfig || a.ProjLayers != b.ProjLayers || a.PredLayers != b.PredLayers || a.Hidden != b.Hidden ||
			a.OutDim != b.OutDim || a.Batch != b.Batch || a.MomentumEncoder != b.MomentumEncoder || a.LocalCrops != b.LocalCrops || a.DropPath != b.DropPath || a.ClipGrad != 0 {
			t.Errorf("%s is %+v, want %+v", name, a, b)
		}
	}
}

// TestPublishedViews holds the presets' views to the paper's: every probability and
// strength, of each view.
func TestPublishedViews(t *testing.T) {
	for name, want := range published {
		got := publishedRecipe(t, name).ViewsConfig()
		view := func(side int, least, most, blur, solarize float64) images.ViewConfig {
			return images.ViewConfig{
				Crop:      images.RandomResizedCrop{Size: side, Scale: [2]float64{least, most}, Ratio: [2]float64{0.75, 1.3333333333333333}},
				Jitter:    images.ColorJitter{P: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1},
				Grayscale: images.RandomGrayscale{P: 0.2},
				Blur:      images.RandomBlur{P: blur, Sigma: [2]float64{0.1, 2}},
				Solarize:  images.RandomSolarize{P: solarize, Threshold: 128},
				Flip:      images.RandomFlip{P: 0.5},
			}
		}
		views := patchmix.ViewsConfig{
			View1: view(want.image, want.minCrop, 1, 1, 0), View2: view(want.image, want.minCrop, 1, 0.1, 0.2), LocalCrops: want.local,
			Mean: [3]float64{0.485, 0.456, 0.406}, Std: [3]float64{0.229, 0.224, 0.225},
		}
		if want.local > 0 {
			views.Local = view(96, 0.05, 0.35, 0.5, 0)
		} else {
			got.Local = images.ViewConfig{} // not used
		}
		if got != views {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, views)
		}
		mix := publishedMix(t, name)
		if mix.Patch != want.patch || mix.Smoothing != 0 || mix.SourceSmoothing != 0.1 || len(mix.Num) != 1 || mix.Num[0] != 2 {
			t.Errorf("%s mixes by %+v", name, mix)
		}
	}
}

func publishedMix(t *testing.T, name string) patchmix.MixConfig {
	t.Helper()
	c, err := publishedRecipe(t, name).LoaderConfig(1)
	if err != nil {
		t.Fatal(err)
	}
	return *c.Mix
}

// TestPublishedSchedules holds the step values of every preset to the formulas of
// DESIGN.md, section 3, over epochs of 10 steps, written out here.
func TestPublishedSchedules(t *testing.T) {
	const perEpoch = 10
	for name, want := range published {
		r := publishedRecipe(t, name)
		s := r.Schedules(perEpoch)
		total, warmup := want.epochs*perEpoch, want.warmup*perEpoch
		peak := want.baseLR * float64(want.batch) / 256
		cosine := func(from, to float64, at, of int) float64 {
			return to + (from-to)*(1+math.Cos(math.Pi*float64(at)/float64(of)))/2
		}
		for _, at := range []int{0, 1, warmup / 2, warmup - 1, warmup, warmup + 1, total / 2, total - 1} {
			lr := peak * float64(at) / float64(warmup-1)
			if at >= warmup {
				lr = cosine(peak, 1e-6, at-warmup, total-warmup)
			}
			values := map[string]float64{
				step.HyperLR: lr, step.HyperWeightDecay: cosine(want.decay, want.decayEnd, at, total), builders.HyperTemperature: 0.2,
			}
			if want.momentum {
				values[builders.HyperEMAMomentum] = 1 - (1+math.Cos(math.Pi*float64(at)/float64(total)))/2*(1-0.996)
			}
			got := s.At(int64(at))
			if len(got) != len(values) {
				t.Errorf("%s has schedules %v, want those of %v", name, got, values)
			}
			for hyper, v := range values {
				if !(math.Abs(got[hyper]-v) <= 1e-12) {
					t.Errorf("%s, step %d of %d: %s is %.15g, want %.15g", name, at, total, hyper, got[hyper], v)
				}
			}
		}
	}
}
