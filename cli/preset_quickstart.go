package cli

import "pmx/builders"

// A first run on the images that are compiled into the program (a part of
// Fashion-MNIST), for two CPU cores.
//
//	make quickstart, or
//	pmx train --preset quickstart --out runs/quickstart
//
// The views differ from the published ones: these images are grey, small and
// centred, so colours mean nothing and small crops lose the object.
var _ = addPreset("quickstart", "a small ViT on the built-in images, minutes on two cores", Recipe{
	Config: builders.Config{
		Method: "patchmix", ImageSize: 28, PatchSize: 4, Dim: 96, Depth: 4, Heads: 3, MLPRatio: 4,
		ProjLayers: 3, PredLayers: 2, Hidden: 512, OutDim: 128,
		Batch: 128, MixNum: builders.IntSet{2},
	},
	Views: Views{
		CropScaleMin: 0.5, CropScaleMax: 1, LocalScaleMin: 0.05, LocalScaleMax: 0.35,
		Brightness: 0.4, Contrast: 0.4, JitterProb: 0.8, BlurSigmaMin: 0.1, BlurSigmaMax: 2, FlipProb: 0.5,
	},
	Schedule: Schedule{
		Epochs: 8, WarmupEpochs: 1, BaseLR: 2e-3, MinLR: 1e-6, WeightDecay: 0.02, WeightDecayEnd: 0.2,
		EMAMomentum: 0.996, Temperature: 0.2, TemperatureStart: 0.2, SourceSmoothing: 0.1,
	},
	Sources: Sources{Data: "sample"},
})
