package tasks_test

import (
	"math"
	"testing"

	"pmx/tasks"

	"pmx/step"

	"pmx/builders"
	"pmx/training"
)

// TestFeederGivesWhatStepsTake: for every method, with and without local crops,
// the feeds are exactly the step's batch ports.
func TestFeederGivesWhatStepsTake(t *testing.T) {
	for _, method := range methods() {
		for _, crops := range []int{0, 2} {
			r := quickstart(t)
			r.Method, r.Dim, r.Depth, r.Hidden, r.Batch = method.Name, 12, 1, 8, 4
			r.LocalCrops, r.LocalSize = crops, 14
			r.DropPath = 0.1 * float64(crops) // with masks and without
			built, err := tasks.BuildStep(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			data, err := r.Open(t.Context(), tasks.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f, err := data.Feeder(training.Position{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			feeds, release, err := f.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			for _, p := range built.Batch {
				if feeds[p.Name] == nil || !feeds[p.Name].Shape().Equal(p.Shape) {
					t.Errorf("%s, %d crops: %s is %v, want %v", method.Name, crops, p.Name, feeds[p.Name], p.Shape)
				}
			}
			if len(feeds) != len(built.Batch) {
				t.Errorf("%s, %d crops: %d feeds for %d ports", method.Name, crops, len(feeds), len(built.Batch))
			}
		}
	}
}

func TestSchedules(t *testing.T) {
	r := quickstart(t)
	r.Batch, r.BaseLR, r.MinLR, r.Epochs, r.WarmupEpochs, r.MomentumEncoder = 512, 1e-3, 1e-6, 10, 2, true
	r.WeightDecay, r.WeightDecayEnd, r.EMAMomentum = 0.04, 0.4, 0.996
	r.Temperature, r.TemperatureStart, r.TemperatureWarmupEpochs = 0.2, 0.1, 3
	s := r.Schedules(5)
	for _, c := range []struct {
		name string
		step int64
		want float64
	}{
		{step.HyperLR, 0, 0}, {step.HyperLR, 9, 2e-3}, {step.HyperLR, 50, 1e-6},
		{step.HyperWeightDecay, 0, 0.04}, {step.HyperWeightDecay, 25, 0.22}, {step.HyperWeightDecay, 50, 0.4},
		{builders.HyperEMAMomentum, 0, 0.996}, {builders.HyperEMAMomentum, 25, 0.998}, {builders.HyperEMAMomentum, 50, 1},
		{builders.HyperTemperature, 4, 0.1}, {builders.HyperTemperature, 5, 0.15}, {builders.HyperTemperature, 10, 0.2}, {builders.HyperTemperature, 49, 0.2},
	} {
		if got := s[c.name](c.step); !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("%s at step %d is %g, want %g", c.name, c.step, got, c.want)
		}
	}
	r.MomentumEncoder, r.TemperatureWarmupEpochs = false, 0
	s = r.Schedules(5)
	if s[builders.HyperEMAMomentum] != nil || s[builders.HyperTemperature](0) != 0.2 {
		t.Error("without momentum encoder and temperature warm-up there is an EMA schedule, or the temperature is not constant")
	}
}
