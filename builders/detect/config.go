package detect

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"pmx/builders"
	"pmx/internal/keys"
)

// The backbones.
const (
	BackboneViTDet = "vitdet" // windowed attention, a pyramid from the last map (arXiv 2203.16527)
	BackboneTaps   = "taps"   // a plain ViT, a feature pyramid network over maps of several blocks
)

// The norms of layers.
const (
	NormLayer = "LN" // over the channels of each pixel
	NormBatch = "BN"
	NormNone  = ""
)

// Config is everything that shapes a Mask R-CNN on a ViT (arXiv 1703.06870) and the step
// that trains it. The tags are the keys of a recipe (package keys); most are those of
// detectron2's recipes.
type Config struct {
	builders.ViTConfig
	Backbone     string `json:"backbone" help:"vitdet (windows, simple pyramid from the last block) or taps (plain ViT, FPN over the blocks of taps)"`
	PretrainSize int    `json:"pretrain_size" help:"side of the images whose positions pos_embed has" min:"1" max:"16384"`
	Window       int    `json:"window" help:"vitdet: side of the attention windows, in patches" min:"0" max:"16384"`
	GlobalBlocks []int  `json:"global_blocks" help:"vitdet: blocks that attend to the whole image, from 0; the others to windows" min:"0" max:"1023"`
	Taps         []int  `json:"taps" help:"taps: blocks whose tokens feed the pyramid, one a level, from 0, the last block last" min:"0" max:"1023"`
	TapNorm      bool   `json:"tap_norm" help:"taps: put the tokens through the final norm"`

	Strides   []int  `json:"strides" help:"pixels between positions of the maps that anchors are on, finest first, each twice the one before" min:"1" max:"16384"`
	RoILevels int    `json:"roi_levels" help:"levels that regions are pooled from, the first of strides; one more stride is every second position of the last of them" min:"1" max:"16"`
	FPN       int    `json:"fpn" help:"channels of the pyramid's maps" min:"1" max:"65536" alias:"out_channels"`
	FPNNorm   string `json:"fpn_norm" help:"taps: norm between the two convolutions of the finest level: BN or LN"`

	AnchorSizes  []float64 `json:"anchor_sizes" help:"side of the anchors of each stride, in pixels" above:"0" max:"1e5"`
	AnchorRatios []float64 `json:"anchor_ratios" help:"height/width of the anchors" above:"0" max:"1e3"`
	RPNConvs     int       `json:"rpn_convs" help:"3x3 convolutions of the RPN" min:"1" max:"16"`
	RPNIoU       []float64 `json:"rpn_iou" help:"overlap below which an anchor is background, and from which it is an object" min:"0" max:"1"`
	RPNBatch     int       `json:"rpn_batch" help:"anchors of an image in the RPN's losses" min:"1" max:"1e6"`
	RPNPositive  float64   `json:"rpn_positive" help:"largest share of objects among them" above:"0" max:"1"`
	RPNWeights   []float64 `json:"rpn_weights" help:"weights of dx, dy, dw and dh of the RPN's boxes" above:"0" max:"1e3"`
	RPNPreTopK   []int     `json:"rpn_pre_topk" help:"proposals of a level before NMS, in training and in inference" min:"1" max:"1e6"`
	RPNPostTopK  []int     `json:"rpn_post_topk" help:"proposals of an image after NMS, in training and in inference" min:"1" max:"1e6"`
	RPNNMS       float64   `json:"rpn_nms" help:"overlap above which a proposal suppresses another" min:"0" max:"1"`

	Classes        int       `json:"classes" help:"number of classes; 0 takes those of the annotations" min:"0" max:"1e5" alias:"num_classes"`
	RoIIoU         float64   `json:"roi_iou" help:"overlap from which a proposal is an object" min:"0" max:"1"`
	RoIBatch       int       `json:"roi_batch" help:"proposals of an image in the heads' losses" min:"1" max:"1e5"`
	RoIPositive    float64   `json:"roi_positive" help:"largest share of objects among them" above:"0" max:"1"`
	RoIWeights     []float64 `json:"roi_weights" help:"weights of dx, dy, dw and dh of the heads' boxes" above:"0" max:"1e3"`
	CanonicalBox   float64   `json:"canonical_box" help:"side of a square that is pooled from canonical_level" above:"0" max:"1e5"`
	CanonicalLevel int       `json:"canonical_level" help:"log2 of the stride of the level for canonical_box" min:"0" max:"14"`
	SamplingRatio  int       `json:"sampling_ratio" help:"samples of a bin along each side in RoIAlign; 0 goes by its size" min:"0" max:"64"`
	BoxPool        int       `json:"box_pool" help:"bins along each side of a region for the box head" min:"1" max:"64"`
	BoxConvs       int       `json:"box_convs" help:"3x3 convolutions of the box head" min:"0" max:"16"`
	BoxFCs         []int     `json:"box_fcs" help:"widths of the box head's fully connected layers" min:"1" max:"65536"`
	ClassAgnostic  bool      `json:"class_agnostic_box" help:"predict one box a region instead of one for each class"`
	MaskPool       int       `json:"mask_pool" help:"bins along each side of a region for the mask head; masks have twice as many" min:"1" max:"64"`
	MaskConvs      int       `json:"mask_convs" help:"3x3 convolutions of the mask head" min:"0" max:"16"`
	MaskDim        int       `json:"mask_dim" help:"channels of the mask head" min:"1" max:"65536"`
	HeadNorm       string    `json:"head_norm" help:"norm of the heads' convolutions: LN, or empty for none"`

	ScoreThreshold float64 `json:"score_thresh" help:"inference: score above which a box is detected" min:"0" below:"1"`
	NMS            float64 `json:"nms" help:"inference: overlap above which a box suppresses another of its class" min:"0" max:"1"`
	Detections     int     `json:"detections" help:"inference: most boxes of an image" min:"1" max:"1e5"`

	Batch    int     `json:"batch" help:"images of a step (batch size)" min:"1" max:"65536" alias:"batch_size,bs,b"`
	DropPath float64 `json:"drop_path" help:"rate of stochastic depth in the last block; it grows linearly from 0 in the first" min:"0" below:"1"`
	ClipGrad float64 `json:"clip_grad" help:"largest norm of the gradient; 0 does not clip" min:"0" max:"1e9" alias:"clip,grad_clip,max_norm"`
}

// Validate says what is wrong with the configuration, if anything, naming the key.
// Classes may still be 0.
func (c Config) Validate() error {
	if err := keys.Validate(c); err != nil {
		return fmt.Errorf("detect: %w", err)
	}
	if err := c.ViTConfig.Validate(); err != nil {
		return err
	}
	for _, list := range []struct {
		key      string
		have, is int
	}{
		{"anchor_sizes", len(c.AnchorSizes), len(c.Strides)}, {"rpn_iou", len(c.RPNIoU), 2},
		{"rpn_weights", len(c.RPNWeights), 4}, {"roi_weights", len(c.RoIWeights), 4},
		{"rpn_pre_topk", len(c.RPNPreTopK), 2}, {"rpn_post_topk", len(c.RPNPostTopK), 2},
	} {
		if list.have != list.is {
			return fmt.Errorf("detect: %s has %d numbers, want %d", list.key, list.have, list.is)
		}
	}
	switch {
	case len(c.AnchorRatios) == 0:
		return fmt.Errorf("detect: anchor_ratios is empty, want one ratio at least")
	case c.RPNIoU[0] > c.RPNIoU[1]:
		return fmt.Errorf("detect: rpn_iou is %v, want the smaller overlap first", c.RPNIoU)
	case c.HeadNorm != NormLayer && c.HeadNorm != NormNone:
		return fmt.Errorf("detect: head_norm is %q, want %s or nothing", c.HeadNorm, NormLayer)
	case len(c.BoxFCs) == 0:
		return fmt.Errorf("detect: box_fcs is empty, want one layer at least")
	}
	if err := c.checkLevels(); err != nil {
		return err
	}
	switch c.Backbone {
	case BackboneViTDet:
		return c.vitdet().Validate()
	case BackboneTaps:
		return c.checkTaps()
	}
	return fmt.Errorf("detect: backbone is %q, want %s or %s", c.Backbone, BackboneViTDet, BackboneTaps)
}

func (c Config) checkLevels() error {
	if extra := len(c.Strides) - c.RoILevels; extra != 0 && extra != 1 {
		return fmt.Errorf("detect: roi_levels is %d for strides %v, want %d or %d", c.RoILevels, c.Strides, len(c.Strides)-1, len(c.Strides))
	}
	for i, s := range c.Strides {
		if s&(s-1) != 0 || s != c.Strides[0]<<i {
			return fmt.Errorf("detect: strides %v, want powers of two, each twice the one before", c.Strides)
		}
	}
	first, last := c.Strides[0], c.Strides[c.RoILevels-1]
	switch {
	case first > c.PatchSize || c.PatchSize > 4*first || c.PatchSize%first != 0:
		return fmt.Errorf("detect: strides begin with %d for patch_size %d, want %[2]d, a half or a quarter of it", first, c.PatchSize)
	case c.PatchSize&(c.PatchSize-1) != 0:
		return fmt.Errorf("detect: patch_size is %d, want a power of two", c.PatchSize)
	case c.ImageSize%last != 0:
		return fmt.Errorf("detect: image_size %d is not a multiple of %d, the coarsest stride that regions are pooled from", c.ImageSize, last)
	}
	return nil
}

func (c Config) checkTaps() error {
	switch {
	case c.FPNNorm != NormBatch && c.FPNNorm != NormLayer:
		return fmt.Errorf("detect: fpn_norm is %q, want %s or %s", c.FPNNorm, NormBatch, NormLayer)
	case len(c.Taps) != c.RoILevels || !slices.IsSorted(c.Taps) || len(slices.Compact(slices.Clone(c.Taps))) != len(c.Taps):
		return fmt.Errorf("detect: taps is %v, want %d blocks, one for each of roi_levels, rising", c.Taps, c.RoILevels)
	case c.Taps[len(c.Taps)-1] != c.Depth-1:
		return fmt.Errorf("detect: taps ends with %d, want %d, the last block", c.Taps[len(c.Taps)-1], c.Depth-1)
	case c.PretrainSize%c.PatchSize != 0:
		return fmt.Errorf("detect: pretrain_size %d is not a multiple of patch_size %d", c.PretrainSize, c.PatchSize)
	}
	return nil
}

// vitdet is the backbone of BackboneViTDet.
func (c Config) vitdet() builders.ViTDetConfig {
	return builders.ViTDetConfig{ViTConfig: c.ViTConfig, Window: c.Window, GlobalBlocks: c.GlobalBlocks, PretrainSize: c.PretrainSize}
}

// stage is the number that detectron2 names a level by: log2 of its stride.
func stage(stride int) int { return bits.Len(uint(stride)) - 1 }

// levels says which level a region is pooled from.
func (c Config) levels() Levels {
	first := stage(c.Strides[0])
	return Levels{Lowest: first, Highest: first + c.RoILevels - 1, CanonicalLevel: c.CanonicalLevel, Canonical: c.CanonicalBox}
}

// side is the number of positions along a map of a stride.
func (c Config) side(stride int) int { return (c.ImageSize + stride - 1) / stride }

// Anchors is the number of anchors of an image.
func (c Config) Anchors() int {
	n := 0
	for _, s := range c.Strides {
		n += c.levelAnchors(s)
	}
	return n
}

func (c Config) levelAnchors(stride int) int {
	return c.side(stride) * c.side(stride) * len(c.AnchorRatios)
}

// Proposals is the number of proposals of an image, in training or in inference.
func (c Config) Proposals(inference bool) int {
	n := 0
	for _, s := range c.Strides {
		n += min(c.RPNPreTopK[phase(inference)], c.levelAnchors(s))
	}
	return min(n, c.RPNPostTopK[phase(inference)])
}

// phase is the place of a number in rpn_pre_topk and rpn_post_topk.
func phase(inference bool) int {
	if inference {
		return 1
	}
	return 0
}

// quota is the number of objects that share of n samples is, rounded down.
func quota(n int, share float64) int { return int(math.Floor(float64(n) * share)) }

func coder(weights []float64) BoxCoder {
	return BoxCoder{weights[0], weights[1], weights[2], weights[3]}
}
