package tasks

import "pmx/builders"

// A first run on photographs of one's own, for two CPU cores.
//
//	pmx train --preset photos --data folder:PHOTOS --out runs/mine
//
// The published views and temperatures with a model that is small enough to see a
// result: a step of 64 images takes 1.7 s of one core, so 1,000 photographs of some
// 640 x 480 pixels take about a quarter of an hour on two. It is a beginning, not a
// published recipe: more images deserve a larger --set image_size, dim, depth and
// hidden, and imagenet-* on a GPU are the published ones.
//
// On 90 photographs of COCO the loss fell from 8.5 to 8.0 in 20 epochs of one step
// each. On 1,088 CIFAR-10 records, enlarged to 64 pixels, 12 epochs took kNN top-1
// (k = 20, 4,350 other records) from 25.9 to 27.9 %.
var _ = addPreset("photos", "a small ViT for photographs of your own, 64 pixels, 50 epochs: 1,000 of them in a quarter of an hour on two cores", &Contrastive{
	Base:   Base{Epochs: 50},
	Method: "patchmix",
	SiameseConfig: builders.SiameseConfig{
		ViTConfig:  builders.ViTConfig{ImageSize: 64, PatchSize: 8, Dim: 128, Depth: 4, Heads: 4, MLPRatio: 4},
		ProjLayers: 3, PredLayers: 2, Hidden: 512, OutDim: 128,
		Batch: 64, MixNum: builders.IntSet{2},
	},
	Views: withCropScale(publishedViews, 0.35),
	ContrastiveSchedule: ContrastiveSchedule{
		WarmupEpochs: 5, BaseLR: 8e-3, MinLR: 1e-6, WeightDecay: 0.04, WeightDecayEnd: 0.2,
		EMAMomentum: 0.996, Temperature: 0.2, TemperatureStart: 0.2, SourceSmoothing: 0.1,
	},
})
