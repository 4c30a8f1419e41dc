package cli

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/training"
)

// timedFeeder has each batch ready a while after it is asked for one, the first much later.
type timedFeeder struct {
	training.Feeder
	first, wait time.Duration
}

func (f *timedFeeder) Next(context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	time.Sleep(f.first + f.wait)
	f.first = 0
	return nil, func() {}, nil
}
func (*timedFeeder) StepsPerEpoch() int          { return 2 }
func (*timedFeeder) Position() training.Position { return training.Position{} }

// timedSession takes the times of its list for its steps.
type timedSession struct {
	runtimes.Session
	steps []time.Duration
}

func (s *timedSession) Step(context.Context, map[string]*onnxgraph.Tensor, map[string]float64) (map[string]float64, error) {
	time.Sleep(s.steps[0])
	s.steps = s.steps[1:]
	return map[string]float64{"loss": 1}, nil
}

// TestTrainTiming measures steps of 10, 10 and 40 ms that wait 20 ms each, behind
// a slow one that is not to count.
func TestTrainTiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := trainTiming{stepTiming: stepTiming{Steps: 3, Warmup: 1, Batch: 6}}
		const ms = time.Millisecond
		err := timing.measure(t.Context(), &training.Loop{
			Session: &timedSession{steps: []time.Duration{500 * ms, 10 * ms, 10 * ms, 40 * ms}},
			Feeder:  &timedFeeder{first: 1000 * ms, wait: 20 * ms}, Steps: 4, Images: 6,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"mean_ms", timing.MeanMS, 40}, {"median_ms", timing.MedianMS, 30}, {"best_ms", timing.BestMS, 30}, {"worst_ms", timing.WorstMS, 60},
			{"images_per_s", timing.ImagesPerS, 150}, {"wait_share", timing.WaitShare, 0.5},
		} {
			if !near(c.got, c.want) {
				t.Errorf("%s is %g, want %g", c.what, c.got, c.want)
			}
		}
	})
}
