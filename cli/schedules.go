package cli

import (
	"pmx/builders"
	"pmx/training"
)

// schedules are those of the hyper-parameters over a training whose epochs have
// the given number of steps.
func (r Recipe) schedules(stepsPerEpoch int) training.Schedules {
	total, warmup := int64(r.Epochs)*int64(stepsPerEpoch), int64(r.WarmupEpochs)*int64(stepsPerEpoch)
	temperature := training.Constant(r.Temperature)
	if n := r.TemperatureWarmupEpochs; n > 0 {
		temperature = training.ByEpoch(training.Line(r.TemperatureStart, r.Temperature, int64(n)), stepsPerEpoch)
	}
	s := training.Schedules{
		builders.HyperLR:          training.WarmupCosine(0, training.PeakLR(r.BaseLR, r.Batch), r.MinLR, warmup, total),
		builders.HyperWeightDecay: training.Cosine(r.WeightDecay, r.WeightDecayEnd, total),
		builders.HyperTemperature: temperature,
	}
	if r.MomentumEncoder {
		s[builders.HyperEMAMomentum] = training.EMAMomentum(r.EMAMomentum, total)
	}
	return s
}
