package tasks

import (
	"pmx/builders"
	"pmx/builders/detect"
)

// The heads of Mask R-CNN as detectron2's recipes have them.
var maskHeads = detect.Config{
	ViTConfig: builders.ViTConfig{ImageSize: 1024, PatchSize: 16, MLPRatio: 4},
	Strides:   []int{4, 8, 16, 32, 64}, RoILevels: 4, FPN: 256, FPNNorm: detect.NormBatch, PretrainSize: 224,
	AnchorSizes: []float64{32, 64, 128, 256, 512}, AnchorRatios: []float64{0.5, 1, 2},
	RPNConvs: 1, RPNIoU: []float64{0.3, 0.7}, RPNBatch: 256, RPNPositive: 0.5, RPNWeights: []float64{1, 1, 1, 1},
	RPNPreTopK: []int{2000, 1000}, RPNPostTopK: []int{1000, 1000}, RPNNMS: 0.7,
	RoIIoU: 0.5, RoIBatch: 512, RoIPositive: 0.25, RoIWeights: []float64{10, 10, 5, 5}, CanonicalBox: 224, CanonicalLevel: 4,
	BoxPool: 7, BoxFCs: []int{1024, 1024}, MaskPool: 14, MaskConvs: 4, MaskDim: 256,
	ScoreThreshold: 0.05, NMS: 0.5, Detections: 100,
}

// vitdet is ViTDet's recipe on COCO (arXiv 2203.16527, section 4): 100 epochs with batch
// 64 and large-scale jitter at 1,024 pixels.
//
//	pmx detect train --preset vitdet-base --init runs/in1k-base --data coco:PATH --out runs/det
var vitdet = MaskRCNN{
	Task: taskMaskRCNN, Base: Base{Epochs: 100},
	Config:   vitdetModel(maskHeads),
	Pictures: Pictures{ScaleMin: 0.1, ScaleMax: 2, FlipProb: 0.5, MaxObjects: 100},
	DetectorOptimizer: DetectorOptimizer{
		LR: 1e-4, LayerDecay: 0.7, WeightDecay: 0.1, Schedule: scheduleStep, LRDrops: []float64{8. / 9, 0.963},
		WarmupSteps: 250, WarmupFactor: 0.001,
	},
}

func vitdetModel(c detect.Config) detect.Config {
	c.Backbone, c.Window, c.GlobalBlocks = detect.BackboneViTDet, 14, []int{2, 5, 8, 11}
	c.RPNConvs, c.BoxConvs, c.BoxFCs, c.HeadNorm = 2, 4, []int{1024}, detect.NormLayer
	c.Batch, c.DropPath = 64, 0.1
	return c
}

// patchmix1x is the protocol of the published pre-training code for COCO, after MGC and
// iBOT: 12 epochs, the shorter side 480 to 800 pixels. Its batch is 1 on each of 8 GPUs.
var patchmix1x = MaskRCNN{
	Task: taskMaskRCNN, Base: Base{Epochs: 12},
	Config: tapsModel(maskHeads),
	Pictures: Pictures{
		Shortest: []int{480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800}, FlipProb: 0.5, MaxObjects: 100,
	},
	DetectorOptimizer: DetectorOptimizer{
		LR: 7.5e-5, LayerDecay: 1, WeightDecay: 0.03, Schedule: scheduleStep, LRDrops: []float64{8. / 12, 11. / 12},
		WarmupSteps: 1000, WarmupFactor: 0.001,
	},
}

func tapsModel(c detect.Config) detect.Config {
	c.Backbone, c.Taps, c.TapNorm = detect.BackboneTaps, []int{3, 5, 7, 11}, true
	c.ImageSize = 1344 // the longer side, 1,333 pixels, up to a multiple of 32
	c.Batch, c.DropPath = 8, 0.1
	return c
}

// detectSmall is for two cores or one small GPU: a ViT-T at 320 pixels, heads of half the
// width, every block attending to the whole image.
func detectSmall() MaskRCNN {
	r := tinyDetector(vitdet)
	r.ImageSize, r.Batch, r.Epochs, r.DropPath = 320, 4, 40, 0
	r.GlobalBlocks = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	r.FPN, r.RPNConvs, r.BoxConvs, r.BoxFCs, r.MaskConvs, r.MaskDim, r.HeadNorm = 128, 1, 0, []int{512, 512}, 2, 128, detect.NormNone
	r.AnchorSizes, r.CanonicalBox = []float64{16, 32, 64, 128, 256}, 112
	r.RPNPreTopK, r.RPNPostTopK, r.RoIBatch = []int{500, 500}, []int{250, 250}, 64
	r.ScaleMin, r.ScaleMax = 0.5, 1.5
	r.LR, r.WeightDecay, r.Schedule, r.MinLR, r.WarmupSteps = 2e-4, 0.05, scheduleCosine, 2e-6, 100
	r.LRDrops = nil
	return r
}

// detectQuickstart learns scenes of 96 pixels from random weights in minutes on two
// cores.
func detectQuickstart() MaskRCNN {
	r := detectSmall()
	r.ImageSize, r.PretrainSize, r.PatchSize, r.Dim, r.Depth, r.Heads = 96, 96, 8, 96, 4, 4
	r.GlobalBlocks = []int{0, 1, 2, 3}
	r.Strides, r.RoILevels, r.AnchorSizes, r.CanonicalBox = []int{4, 8, 16}, 3, []float64{18, 30, 48}, 56
	r.FPN, r.BoxFCs, r.MaskConvs, r.MaskDim = 48, []int{96, 96}, 1, 48
	r.RPNBatch, r.RPNPreTopK, r.RPNPostTopK, r.RoIBatch = 64, []int{200, 200}, []int{100, 100}, 32
	r.ScaleMin, r.ScaleMax, r.Batch, r.Epochs = 0, 0, 8, 6
	r.LR, r.MinLR, r.LayerDecay = 1.5e-3, 1.5e-5, 1
	return r
}

// The sizes of ViTs.
func tinyDetector(r MaskRCNN) MaskRCNN  { r.Dim, r.Depth, r.Heads = 192, 12, 3; return r }
func smallDetector(r MaskRCNN) MaskRCNN { r.Dim, r.Depth, r.Heads = 384, 12, 12; return r }
func baseDetector(r MaskRCNN) MaskRCNN  { r.Dim, r.Depth, r.Heads = 768, 12, 12; return r }

var (
	_ = addPreset("vitdet-small", "ViTDet on a ViT-S/16 (12 heads), COCO, 1,024 pixels, 100 epochs", new(smallDetector(vitdet)))
	_ = addPreset("vitdet-base", "ViTDet on a ViT-B/16, COCO, 1,024 pixels, 100 epochs", new(baseDetector(vitdet)))

	_ = addPreset("patchmix-1x-small", "Mask R-CNN with FPN on a ViT-S/16 (12 heads), COCO, 12 epochs", new(smallDetector(patchmix1x)))
	_ = addPreset("patchmix-1x-base", "Mask R-CNN with FPN on a ViT-B/16, COCO, 12 epochs", new(baseDetector(patchmix1x)))

	_ = addPreset("detect-small", "detector on a ViT-T/16 with light heads, 320 pixels, for pictures of your own", new(detectSmall()))
	_ = addPreset("detect-quickstart", "detector on a small ViT/8 from random weights, 96 pixels, in minutes", new(detectQuickstart()))
)
