package tasks

import "pmx/builders"

// The published ImageNet recipes (arXiv 2306.12243): 300 epochs of batch 1024
// with 8 local crops of 96 pixels.
//
//	pmx train --preset imagenet-small --data folder:PATH/train --device cuda --out runs/in1k-small
//
// They are made for several data-centre GPUs, and no full run of them was made
// with pmx; on one CPU core a step takes minutes. `pmx bench step --preset
// imagenet-small --set batch=8 --set local_crops=0` times a small one.
var imagenet = Contrastive{
	Base:   Base{Epochs: 300},
	Method: "patchmix",
	SiameseConfig: builders.SiameseConfig{
		ViTConfig:  builders.ViTConfig{ImageSize: 224, PatchSize: 16, MLPRatio: 4},
		ProjLayers: 3, PredLayers: 2, Hidden: 4096, OutDim: 256,
		Batch: 1024, MomentumEncoder: true, MixNum: builders.IntSet{2}, LocalCrops: 8, LocalSize: 96, DropPath: 0.1,
	},
	Views: publishedViews,
	ContrastiveSchedule: ContrastiveSchedule{
		WarmupEpochs: 10, BaseLR: 5e-4, MinLR: 1e-6, WeightDecay: 0.04, WeightDecayEnd: 0.4,
		EMAMomentum: 0.996, Temperature: 0.2, TemperatureStart: 0.2, SourceSmoothing: 0.1,
	},
}

var (
	_ = addPreset("imagenet-tiny", "ViT-T/16, ImageNet, 300 epochs, no momentum encoder", new(withTinySchedule(tiny(imagenet))))
	_ = addPreset("imagenet-small", "ViT-S/16 (12 heads), ImageNet, 300 epochs", new(small(imagenet)))
	_ = addPreset("imagenet-base", "ViT-B/16, ImageNet, 300 epochs", new(withBaseLR(base(imagenet), 7.5e-4)))
)

// withTinySchedule is what all recipes of size T change.
func withTinySchedule(r Contrastive) Contrastive {
	r.BaseLR, r.WeightDecay, r.WeightDecayEnd, r.MomentumEncoder = 2e-3, 0.02, 0.2, false
	return r
}

func withBaseLR(r Contrastive, lr float64) Contrastive {
	r.BaseLR = lr
	return r
}
