package images

import (
	"fmt"
	"math/rand/v2"
)

// RandomCrop cuts out Size x Size pixels anywhere in the image with Padding black
// pixels around it: torchvision's transform of that name, which the recipes use for
// CIFAR. An image that is too small for the crop even so lies anywhere within it.
type RandomCrop struct {
	Size    int `json:"size"`
	Padding int `json:"padding"`
}

// Check says what is wrong with the configuration.
func (t RandomCrop) Check() error {
	if t.Size < 1 || t.Size > maxSide || t.Padding < 0 || t.Padding > maxSide {
		return fmt.Errorf("images: crops of %d pixels from images with %d around them, choose 1 to %d and 0 to %[3]d", t.Size, t.Padding, maxSide)
	}
	return nil
}

// Apply implements Transform. The result belongs to work; img stays as it is.
func (t RandomCrop) Apply(img *Image, rng *rand.Rand, work *Workspace) *Image {
	y := t.draw(rng, img.H)
	x := t.draw(rng, img.W)
	CropPadded(&work.cropped, img, Rect{X: x, Y: y, W: t.Size, H: t.Size})
	return &work.cropped
}

// draw chooses where along a side of n pixels the crop begins.
func (t RandomCrop) draw(rng *rand.Rand, n int) int {
	first, last := -t.Padding, n+t.Padding-t.Size
	if last < first {
		first, last = last, first
	}
	return first + rng.IntN(last-first+1)
}

// CropPadded writes a part of src to dst, black where it is outside of src. dst and
// src must not be the same image.
func CropPadded(dst, src *Image, part Rect) {
	dst.Reset(part.W, part.H)
	clear(dst.Pix)
	left, right := max(part.X, 0), min(part.X+part.W, src.W)
	if left >= right {
		return
	}
	for y := max(part.Y, 0); y < min(part.Y+part.H, src.H); y++ {
		copy(dst.row(y - part.Y)[3*(left-part.X):], src.row(y)[3*left:3*right])
	}
}
