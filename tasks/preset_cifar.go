package tasks

import "pmx/builders"

// The published CIFAR recipes (arXiv 2306.12243): 800 epochs of batch 512,
// patches of 2 pixels, no local crops.
//
//	pmx train --preset cifar-tiny --data cifar10:PATH --out runs/cifar-tiny
//
// They are made for a GPU, and no full run of them was made with pmx. A run for
// two CPU cores keeps the recipe and takes a smaller model: --set dim=96 --set
// depth=4 --set patch_size=4 --set batch=128 --set hidden=512 --set out_dim=128
// --set epochs=10 --set warmup_epochs=1
var cifar = Contrastive{
	Base:   Base{Epochs: 800},
	Method: "patchmix",
	SiameseConfig: builders.SiameseConfig{
		ViTConfig:  builders.ViTConfig{ImageSize: 32, PatchSize: 2, MLPRatio: 4},
		ProjLayers: 3, PredLayers: 2, Hidden: 4096, OutDim: 256,
		Batch: 512, MomentumEncoder: true, MixNum: builders.IntSet{2}, DropPath: 0.1,
	},
	Views: withCropScale(publishedViews, 0.1),
	ContrastiveSchedule: ContrastiveSchedule{
		WarmupEpochs: 100, BaseLR: 5e-4, MinLR: 1e-6, WeightDecay: 0.04, WeightDecayEnd: 0.4,
		EMAMomentum: 0.996, Temperature: 0.2, TemperatureStart: 0.2, SourceSmoothing: 0.1,
	},
}

var (
	_ = addPreset("cifar-tiny", "ViT-T/2, 32 pixels, 800 epochs, no momentum encoder", new(withTinySchedule(tiny(cifar))))
	_ = addPreset("cifar-small", "ViT-S/2 (12 heads), 32 pixels, 800 epochs", new(small(cifar)))
	_ = addPreset("cifar-base", "ViT-B/2, 32 pixels, 800 epochs", new(withBaseLR(base(cifar), 7.5e-4)))
)

func withCropScale(v Views, least float64) Views {
	v.CropScaleMin = least
	return v
}
