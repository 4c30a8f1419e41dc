package images

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// RandomResizedCrop cuts out a part of the image and scales it to Size x Size
// pixels, bicubic. The part has an area of Scale[0] to Scale[1] of the image and
// a width/height ratio of Ratio[0] to Ratio[1], log-uniform. If ten draws do not
// fit into the image, it is the largest centred part with an allowed ratio.
// This is torchvision's transform of that name.
type RandomResizedCrop struct {
	Size  int        `json:"size"`
	Scale [2]float64 `json:"scale"`
	Ratio [2]float64 `json:"ratio"`
}

// Check says what is wrong with the configuration.
func (t RandomResizedCrop) Check() error { return faultError(t.fault()) }

// fault is what is wrong with the configuration, "" if nothing is.
func (t RandomResizedCrop) fault() string {
	switch scale, ratio := t.Scale, t.Ratio; {
	case t.Size < 1 || t.Size > maxSide:
		return fmt.Sprintf("crops of %d pixels, choose 1 to %d", t.Size, maxSide)
	case !(0 < scale[0] && scale[0] <= scale[1] && scale[1] <= 1):
		return fmt.Sprintf("crop scale %v, choose two parts of the area, from above 0 to 1", scale)
	case !(1e-3 <= ratio[0] && ratio[0] <= ratio[1] && ratio[1] <= 1e3):
		return fmt.Sprintf("crop ratio %v, choose two ratios of width to height, the smaller first", ratio)
	}
	return ""
}

// Apply implements Transform. The result belongs to work; img stays as it is.
func (t RandomResizedCrop) Apply(img *Image, rng *rand.Rand, work *Workspace) *Image {
	ResizeBicubic(&work.cropped, img, t.draw(rng, img.W, img.H), t.Size, t.Size, work)
	return &work.cropped
}

// draw chooses the part of a w x h image.
func (t RandomResizedCrop) draw(rng *rand.Rand, w, h int) Rect {
	area := float64(w) * float64(h)
	lo, hi := math.Log(t.Ratio[0]), math.Log(t.Ratio[1])
	for range 10 {
		target := area * uniform(rng, t.Scale[0], t.Scale[1])
		ratio := math.Exp(uniform(rng, lo, hi))
		cw := int(math.RoundToEven(math.Sqrt(target * ratio)))
		ch := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if cw > 0 && cw <= w && ch > 0 && ch <= h {
			return Rect{Y: rng.IntN(h - ch + 1), X: rng.IntN(w - cw + 1), W: cw, H: ch}
		}
	}
	cw, ch := w, h
	switch ratio := float64(w) / float64(h); {
	case ratio < t.Ratio[0]:
		ch = min(h, max(1, int(math.RoundToEven(float64(w)/t.Ratio[0]))))
	case ratio > t.Ratio[1]:
		cw = min(w, max(1, int(math.RoundToEven(float64(h)*t.Ratio[1]))))
	}
	return Rect{X: (w - cw) / 2, Y: (h - ch) / 2, W: cw, H: ch}
}
