package training

import "math"

// Schedule is the value of a hyper-parameter at a step. Steps count from 0, and
// past its last step a schedule stays at its last value.
//
// The published implementation of PatchMix computes learning rate and weight
// decay per step, and these schedules give its numbers. Its EMA momentum is meant
// to follow `epoch + i/steps` too, but an inner loop overwrites i, so that it
// moves by the epoch. Here it moves by the step, as the formula says and as in
// MoCo v3 (arXiv 2104.02057), from which it comes.
type Schedule func(step int64) float64

// Schedules are the schedules of all hyper-parameters by name.
type Schedules map[string]Schedule

// At gives all values at a step.
func (s Schedules) At(step int64) map[string]float64 {
	values := make(map[string]float64, len(s))
	for name, schedule := range s {
		values[name] = schedule(step)
	}
	return values
}

// Constant is v at every step.
func Constant(v float64) Schedule { return func(int64) float64 { return v } }

// Cosine goes from one value to another along half a cosine:
//
//	to + (from-to)/2·(1 + cos(π·step/total))
//
// It is the schedule of weight decay (arXiv 2104.14294), upwards.
func Cosine(from, to float64, total int64) Schedule {
	return func(step int64) float64 {
		if step >= total {
			return to
		}
		return to + 0.5*(from-to)*(1+math.Cos(math.Pi*float64(max(step, 0))/float64(total)))
	}
}

// WarmupCosine is the schedule of a learning rate over total steps: in the first
// warmup steps along a line from start to peak, both included, then by Cosine
// from peak to end. A warm-up of one step is start alone.
func WarmupCosine(start, peak, end float64, warmup, total int64) Schedule {
	down := Cosine(peak, end, total-warmup)
	up := Line(start, peak, warmup)
	return func(step int64) float64 {
		if step < warmup {
			return up(step)
		}
		return down(step - warmup)
	}
}

// MAECosine is the learning rate of MAE (arXiv 2111.06377) over total steps: along a
// line from 0, which reaches peak at step warmup, then by Cosine from peak to end.
func MAECosine(peak, end float64, warmup, total int64) Schedule {
	down := Cosine(peak, end, total-warmup)
	return func(step int64) float64 {
		if step < warmup {
			return peak * (float64(max(step, 0)) / float64(warmup))
		}
		return down(step - warmup)
	}
}

// PatchMixCosine is the learning rate by epoch of PatchMix's fine-tuning and, without
// a warm-up and from peak to 0, of its linear probe, as those scripts execute it with
// timm 0.6.11 and PyTorch (see ByEpoch). They set the rate of an epoch when it has
// ended, so that each has the one before's, and epochs 0 and 1 share theirs:
//
//	t = max(epoch-1, 0)
//	start + t·(peak-start)/warmup                  for t < warmup
//	end + (peak-end)/2·(1 + cos(π·t/epochs))       from there on
//
// The cosine counts from epoch 0, so that it begins below peak after a warm-up.
func PatchMixCosine(start, peak, end float64, warmup, epochs int64) Schedule {
	down := Cosine(peak, end, epochs)
	return func(epoch int64) float64 {
		t := max(epoch-1, 0)
		if t < warmup {
			return start + float64(t)*((peak-start)/float64(warmup))
		}
		return down(t)
	}
}

// Line goes from one value to another in n steps, both included; one step is
// from alone.
func Line(from, to float64, n int64) Schedule {
	return func(step int64) float64 {
		switch {
		case step >= n, step == n-1 && n > 1:
			return to
		case step <= 0:
			return from
		}
		return from + float64(step)*((to-from)/float64(n-1))
	}
}

// EMAMomentum is 1 - (1-m0)·(1 + cos(π·step/total))/2: from m0 to 1.
func EMAMomentum(m0 float64, total int64) Schedule { return Cosine(m0, 1, total) }

// ByEpoch makes a schedule of steps out of one of epochs: the value changes at
// the first step of an epoch only. A temperature is warmed up by
// ByEpoch(Line(first, last, epochs), stepsPerEpoch).
func ByEpoch(epochs Schedule, stepsPerEpoch int) Schedule {
	return func(step int64) float64 { return epochs(step / int64(stepsPerEpoch)) }
}

// PeakLR scales a learning rate that is given for batches of 256 images linearly
// to another batch (arXiv 1706.02677).
func PeakLR(base float64, batch int) float64 { return base * float64(batch) / 256 }
