package tasks

import "pmx/builders"

// patchMixLinear is the published linear probe of arXiv 2306.12243 as the code executes
// it: on ImageNet batch 1,024, on CIFAR 256, for 100 epochs; SGD with Nesterov momentum
// and no weight decay on the class token, one learning rate by the encoder's width.
//
//	pmx eval linear runs/in1k-small --preset patchmix-linear --data folder:PATH --device cuda
func patchMixLinear(batch int) Probe {
	return Probe{
		Task: taskProbe,
		Base: Base{Epochs: 100, Seed: 7},
		ProbeConfig: builders.ProbeConfig{
			ViTConfig: builders.ViTConfig{ImageSize: 224, PatchSize: 16, Dim: 384, Depth: 12, Heads: 12, MLPRatio: 4},
			Batch:     batch, Rates: []float64{0}, Blocks: builders.IntSet{1}, Pool: builders.ProbeToken, Optimizer: builders.ProbeNesterov,
		},
		CropScaleMin: 0.08, FlipProb: 0.5, Schedule: schedulePatchMix,
	}
}

// sweep is DINOv2's (arXiv 2304.07193): 13 learning rates on each of four features, 52
// heads, for ten epochs.
func sweep() Probe {
	r := patchMixLinear(1024)
	r.Base = Base{Epochs: 10}
	r.Rates = []float64{1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1}
	r.Blocks, r.Pool, r.HeadStd, r.Optimizer = builders.IntSet{1, 4}, builders.ProbeBoth, 0.01, builders.ProbeSGD
	r.Schedule, r.SelectPart = scheduleStep, 0.1
	return r
}

// cachedSweep sweeps over features that are computed once, so that many epochs cost
// little: for small sets of images and for a look.
func cachedSweep() Probe {
	r := sweep()
	r.Epochs, r.Batch, r.Cached = 100, 256, true
	r.Rates = []float64{1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10}
	return r
}

var (
	_ = addPreset("linear", "linear probe: features computed once, 52 heads, 100 epochs", new(cachedSweep()))
	_ = addPreset("linear-augmented", "linear probe of DINOv2: random crops and flips, 52 heads, 10 epochs", new(sweep()))
	_ = addPreset("patchmix-linear", "the published linear probe, ImageNet, 100 epochs", new(patchMixLinear(1024)))
	_ = addPreset("patchmix-linear-cifar", "the published linear probe, CIFAR, 100 epochs", new(patchMixLinear(256)))
)
