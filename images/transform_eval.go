package images

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// EvalTransform is what images go through for evaluation: the shorter side is
// scaled to Resize (bicubic; 0 means Size), then the centred Size x Size pixels
// are cut out. Nothing is random.
type EvalTransform struct {
	Size   int `json:"size"`
	Resize int `json:"resize"`
}

// LinearEval is what the published linear probe of PatchMix evaluates on: 256 pixels
// on the shorter side for crops of 224, and in proportion for other sizes; 36 for 32.
func LinearEval(size int) EvalTransform {
	return EvalTransform{Size: size, Resize: size * 256 / 224}
}

// FinetuneEval is what published fine-tuned classifiers are evaluated on, of PatchMix
// as of DeiT: LinearEval, except that images of up to 32 pixels are not cropped.
func FinetuneEval(size int) EvalTransform {
	if size <= 32 {
		return EvalTransform{Size: size, Resize: size}
	}
	return LinearEval(size)
}

// Check says what is wrong with the configuration.
func (t EvalTransform) Check() error {
	if t.Size < 1 || t.Size > maxSide {
		return fmt.Errorf("images: evaluation crops of %d pixels, choose 1 to %d", t.Size, maxSide)
	}
	if t.Resize != 0 && t.Resize < t.Size {
		return fmt.Errorf("images: evaluation crops of %d pixels from images scaled to %d, choose at least the crop", t.Size, t.Resize)
	}
	return nil
}

// Short is the pixels that the shorter side is scaled to.
func (t EvalTransform) Short() int {
	if t.Resize == 0 {
		return t.Size
	}
	return t.Resize
}

// Apply implements Transform. The result belongs to work; img stays as it is.
// rng is not used.
func (t EvalTransform) Apply(img *Image, _ *rand.Rand, work *Workspace) *Image {
	short := t.Short()
	w, h := short, short
	if img.W <= img.H {
		h = short * img.H / img.W
	} else {
		w = short * img.W / img.H
	}
	ResizeBicubic(&work.scaled, img, Rect{W: img.W, H: img.H}, w, h, work)
	x := int(math.RoundToEven(float64(w-t.Size) / 2))
	y := int(math.RoundToEven(float64(h-t.Size) / 2))
	ResizeBicubic(&work.cropped, &work.scaled, Rect{X: x, Y: y, W: t.Size, H: t.Size}, t.Size, t.Size, work)
	return &work.cropped
}
