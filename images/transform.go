package images

import (
	"fmt"
	"math/rand/v2"
)

// A Transform makes another image of an image, drawing its parameters from rng
// and nothing else, so the same generator state gives the same result.
//
// Apply may change img in place and return it, or return an image that belongs
// to work and is valid until work is used by the same transform again. The crops
// with which views begin leave img as it is.
type Transform interface {
	Apply(img *Image, rng *rand.Rand, work *Workspace) *Image
}

// Workspace is the memory that transforms reuse from image to image. The zero
// value is ready. It serves one goroutine at a time.
type Workspace struct {
	cropped Image
	scaled  Image
	changed [2]Image
	resize  resizer
	blur    [2][]uint64
}

// another is an image of the workspace that is not img.
func (w *Workspace) another(img *Image) *Image {
	if img == &w.changed[0] {
		return &w.changed[1]
	}
	return &w.changed[0]
}

// faultError is the error of a configuration that has a fault, nil for none ("").
func faultError(fault string) error {
	if fault == "" {
		return nil
	}
	return fmt.Errorf("images: %s", fault)
}

// chance is true with probability p. It draws nothing if p leaves no choice.
func chance(rng *rand.Rand, p float64) bool {
	switch {
	case p <= 0:
		return false
	case p >= 1:
		return true
	}
	return rng.Float64() < p
}

// uniform draws from [lo, hi).
func uniform(rng *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }

// apply replaces every byte of the image by the table's.
func (m *Image) apply(table *[256]uint8) {
	for i, v := range m.Pix {
		m.Pix[i] = table[v]
	}
}

// clip8 limits v to 0..255. It is fast where few values are outside.
func clip8(v int) uint8 {
	if uint(v) > 255 {
		return uint8(^(v >> 63)) // 0 below, 255 above
	}
	return uint8(v)
}
