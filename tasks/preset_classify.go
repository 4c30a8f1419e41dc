package tasks

import "pmx/builders"

// A classifier of photographs of one's own, some hundreds in one folder per class, for two
// CPU cores.
//
//	pmx finetune --init runs/mine --data PHOTOS --out runs/clf
//
// The architecture and the size of the images are those of the weights that it starts
// from; the ones here are for a start without any. The augmentation is light, since mixup,
// cutmix and RandAugment need more epochs than a small set is trained for, and layer decay
// keeps the early blocks near what they were pre-trained to be.
var _ = addPreset("classify", "classifier of photographs of your own, on the weights of --init, 30 epochs", &Finetune{
	Task: taskFinetune,
	Base: Base{Epochs: 30, HoldOut: 0.2},
	ClassifierConfig: builders.ClassifierConfig{
		ViTConfig: builders.ViTConfig{ImageSize: 64, PatchSize: 8, Dim: 128, Depth: 4, Heads: 4, MLPRatio: 4},
		Pool:      builders.PoolToken, DropPath: 0.1, Batch: 32, ClipGrad: 1,
	},
	Augmentation: Augmentation{
		CropScaleMin: 0.35, FlipProb: 0.5, EraseMode: "pixel", EraseCount: 1, MixMode: "batch", LabelSmoothing: 0.1,
	},
	FinetuneOptimizer: FinetuneOptimizer{
		LayerDecay: 0.75, LayerDecayGroups: string(builders.LayerGroupsTimm), Schedule: scheduleStep,
		BaseLR: 8e-3, WarmupEpochs: 3, MinLR: 1e-6, WeightDecay: 0.05,
	},
})
