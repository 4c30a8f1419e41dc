package training

import (
	"maps"
	"math"
	"slices"
	"time"
)

// StepReport is what one step was like.
type StepReport struct {
	Step    int64              // steps done, this one included: the first is 1
	Metrics map[string]float64 // by the step's names: loss, grad_norm, ...
	Hyper   map[string]float64 // the hyper-parameters that it was run with
	Wait    time.Duration      // for the batch
	Compute time.Duration      // for the session
	Images  int
	// Epoch sums up the epoch that this step ends; nil within an epoch.
	Epoch *EpochReport
}

func (r *StepReport) imagesPerSecond() float64 {
	t := timing{}
	t.add(r)
	return t.imagesPerSecond()
}

// EpochReport sums up an epoch, or the part of one that the last step of a
// training ends.
type EpochReport struct {
	Epoch int                // counted from 1
	Steps int64              // that the means are over
	Means map[string]float64 // of the steps' metrics
	// Time is what the steps of this process took, evaluation and saving left out.
	Time            time.Duration
	ImagesPerSecond float64
	WaitShare       float64 // of Time that was spent waiting for batches, 0 to 1
	// What one step took in the mean: Wait for its batch, Compute for the session.
	Wait, Compute time.Duration
}

// Averages are running means of an epoch's metrics. They are part of a
// checkpoint, so that an epoch that was interrupted has the means of all its steps.
type Averages struct {
	Steps int64              `json:"steps"`
	Sums  map[string]float64 `json:"sums,omitempty"`
}

func (a *Averages) add(metrics map[string]float64) {
	if a.Sums == nil {
		a.Sums = make(map[string]float64, len(metrics))
	}
	a.Steps++
	for name, v := range metrics {
		a.Sums[name] += v
	}
}

func (a *Averages) means() map[string]float64 {
	means := make(map[string]float64, len(a.Sums))
	for name, sum := range a.Sums {
		means[name] = sum / float64(a.Steps)
	}
	return means
}

func (a Averages) clone() Averages {
	a.Sums = maps.Clone(a.Sums)
	return a
}

// timing adds up the time of an epoch's steps.
type timing struct {
	steps, images int
	wait, compute time.Duration
}

func (t *timing) add(r *StepReport) {
	t.steps++
	t.images += r.Images
	t.wait += r.Wait
	t.compute += r.Compute
}

func (t *timing) total() time.Duration { return t.wait + t.compute }

func (t *timing) imagesPerSecond() float64 {
	if t.total() <= 0 {
		return 0
	}
	return float64(t.images) / t.total().Seconds()
}

// perStep are the means of one step.
func (t *timing) perStep() (wait, compute time.Duration) {
	n := time.Duration(max(t.steps, 1))
	return t.wait / n, t.compute / n
}

func (t *timing) waitShare() float64 {
	if t.total() <= 0 {
		return 0
	}
	return float64(t.wait) / float64(t.total())
}

// notFinite gives the first metric by name that is NaN or infinite, loss before
// all others, or "".
func notFinite(metrics map[string]float64) string {
	bad := func(name string) bool {
		v, ok := metrics[name]
		return ok && (math.IsNaN(v) || math.IsInf(v, 0))
	}
	if bad("loss") {
		return "loss"
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if bad(name) {
			return name
		}
	}
	return ""
}
