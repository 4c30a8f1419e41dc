package tasks

import "pmx/builders"

// The published fine-tuning recipes of arXiv 2306.12243, as the code executes them: on
// ImageNet, batch 1024 for 100 epochs.
//
//	pmx finetune --preset finetune-small --init runs/in1k-small --data folder:PATH --device cuda --out runs/clf
//
// The configuration's colour jitter, repeated augmentation, average of weights and ten
// cool-down epochs are left out: the published code has them and does not execute them.
var finetuneImageNet = Finetune{
	Task: taskFinetune,
	Base: Base{Epochs: 100},
	ClassifierConfig: builders.ClassifierConfig{
		ViTConfig: builders.ViTConfig{ImageSize: 224, PatchSize: 16, MLPRatio: 4},
		Pool:      builders.PoolToken, DropPath: 0.1, Batch: 1024,
	},
	Augmentation: publishedAugmentation,
	FinetuneOptimizer: FinetuneOptimizer{
		LayerDecay: 0.75, LayerDecayGroups: string(builders.LayerGroupsTimm), Schedule: schedulePatchMix,
		BaseLR: 5e-4, WarmupEpochs: 10, WarmupLR: 1e-6, MinLR: 1e-5, WeightDecay: 0.05,
	},
}

// publishedAugmentation is DeiT's (arXiv 2012.12877), which all published recipes have.
var publishedAugmentation = Augmentation{
	CropScaleMin: 0.08, FlipProb: 0.5, RandAugment: "rand-m9-mstd0.5-inc1",
	EraseProb: 0.25, EraseMode: "pixel", EraseCount: 1,
	Mixup: 0.8, Cutmix: 1, MixProb: 1, SwitchProb: 0.5, MixMode: "batch", LabelSmoothing: 0.1,
}

// finetuneCIFAR is the published recipe for CIFAR-10 and CIFAR-100.
func finetuneCIFAR() Finetune {
	r := finetuneImageNet
	r.ImageSize, r.PatchSize, r.Batch = 32, 2, 256
	return r
}

// The published sizes; T has another learning rate.
func tinyClassifier(r Finetune) Finetune {
	r.Dim, r.Depth, r.Heads, r.BaseLR = 192, 12, 3, 1e-3
	return r
}
func smallClassifier(r Finetune) Finetune { r.Dim, r.Depth, r.Heads = 384, 12, 12; return r }
func baseClassifier(r Finetune) Finetune  { r.Dim, r.Depth, r.Heads = 768, 12, 12; return r }

var (
	_ = addPreset("finetune-tiny", "classifier on a ViT-T/16, ImageNet, 100 epochs", new(tinyClassifier(finetuneImageNet)))
	_ = addPreset("finetune-small", "classifier on a ViT-S/16 (12 heads), ImageNet, 100 epochs", new(smallClassifier(finetuneImageNet)))
	_ = addPreset("finetune-base", "classifier on a ViT-B/16, ImageNet, 100 epochs", new(baseClassifier(finetuneImageNet)))

	_ = addPreset("finetune-cifar-tiny", "classifier on a ViT-T/2, 32 pixels, 100 epochs", new(tinyClassifier(finetuneCIFAR())))
	_ = addPreset("finetune-cifar-small", "classifier on a ViT-S/2 (12 heads), 32 pixels, 100 epochs", new(smallClassifier(finetuneCIFAR())))
	_ = addPreset("finetune-cifar-base", "classifier on a ViT-B/2, 32 pixels, 100 epochs", new(baseClassifier(finetuneCIFAR())))
)
