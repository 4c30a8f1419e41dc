package cli

import (
	"math"
	"testing"

	"pmx/builders"
	"pmx/images"
	"pmx/patchmix"
)

// TestFeederGivesWhatStepsTake: for every method, with and without local crops,
// the feeds are exactly the step's batch ports.
func TestFeederGivesWhatStepsTake(t *testing.T) {
	for _, method := range builders.Methods() {
		for _, crops := range []int{0, 2} {
			r := sampleRecipe(t)
			r.Method, r.Dim, r.Depth, r.Hidden, r.Batch = method.Name, 12, 1, 8, 4
			r.LocalCrops, r.LocalSize = crops, 14
			step, err := builders.Build(r.Config)
			if err != nil {
				t.Fatal(err)
			}
			data, err := imagesOf(t, r).Open(images.Train)
			if err != nil {
				t.Fatal(err)
			}
			f, err := newFeeder(r, data, nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			feeds, release, err := f.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			for _, p := range step.Batch {
				if feeds[p.Name] == nil || !feeds[p.Name].Shape().Equal(p.Shape) {
					t.Errorf("%s, %d crops: %s is %v, want %v", method.Name, crops, p.Name, feeds[p.Name], p.Shape)
				}
			}
			if len(feeds) != len(step.Batch) {
				t.Errorf("%s, %d crops: %d feeds for %d ports", method.Name, crops, len(feeds), len(step.Batch))
			}
		}
	}
}

// TestViewsAreThePublished: the presets make patchmix's recipe.
func TestViewsAreThePublished(t *testing.T) {
	multiCrop := patchmix.RecipeViews(224, .35)
	multiCrop.LocalCrops, multiCrop.Local.Crop.Size, multiCrop.Local.Crop.Scale = 8, 96, [2]float64{.05, .35}
	for name, want := range map[string]patchmix.ViewsConfig{
		"cifar-small":    patchmix.RecipeViews(32, .1),
		"imagenet-small": multiCrop,
	} {
		p, err := presets.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Recipe.viewsConfig()
		if got.LocalCrops == 0 {
			got.Local = want.Local // not used
		}
		// view 1 and local crops are never solarized, whatever the threshold says
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

func TestSchedules(t *testing.T) {
	r := quickstart(t)
	r.Batch, r.BaseLR, r.MinLR, r.Epochs, r.WarmupEpochs, r.MomentumEncoder = 512, 1e-3, 1e-6, 10, 2, true
	r.WeightDecay, r.WeightDecayEnd, r.EMAMomentum = 0.04, 0.4, 0.996
	r.Temperature, r.TemperatureStart, r.TemperatureWarmupEpochs = 0.2, 0.1, 3
	s := r.schedules(5)
	for _, c := range []struct {
		name string
		step int64
		want float64
	}{
		{builders.HyperLR, 0, 0}, {builders.HyperLR, 9, 2e-3}, {builders.HyperLR, 50, 1e-6},
		{builders.HyperWeightDecay, 0, 0.04}, {builders.HyperWeightDecay, 25, 0.22}, {builders.HyperWeightDecay, 50, 0.4},
		{builders.HyperEMAMomentum, 0, 0.996}, {builders.HyperEMAMomentum, 25, 0.998}, {builders.HyperEMAMomentum, 50, 1},
		{builders.HyperTemperature, 4, 0.1}, {builders.HyperTemperature, 5, 0.15}, {builders.HyperTemperature, 10, 0.2}, {builders.HyperTemperature, 49, 0.2},
	} {
		if got := s[c.name](c.step); !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("%s at step %d is %g, want %g", c.name, c.step, got, c.want)
		}
	}
	r.MomentumEncoder, r.TemperatureWarmupEpochs = false, 0
	s = r.schedules(5)
	if s[builders.HyperEMAMomentum] != nil || s[builders.HyperTemperature](0) != 0.2 {
		t.Error("without momentum encoder and temperature warm-up there is an EMA schedule, or the temperature is not constant")
	}
}
