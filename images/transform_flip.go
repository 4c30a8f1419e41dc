package images

import (
	"fmt"
	"math/rand/v2"
)

// FlipHorizontal mirrors the image left to right.
func FlipHorizontal(img *Image) {
	for y := range img.H {
		row := img.row(y)
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			row[i], row[j] = row[j], row[i]
			row[i+1], row[j+1] = row[j+1], row[i+1]
			row[i+2], row[j+2] = row[j+2], row[i+2]
		}
	}
}

// RandomFlip mirrors the image with probability P.
type RandomFlip struct {
	P float64 `json:"p"`
}

// Check says what is wrong with the configuration.
func (t RandomFlip) Check() error {
	if !(t.P >= 0 && t.P <= 1) {
		return fmt.Errorf("images: flipping with probability %g, choose 0 to 1", t.P)
	}
	return nil
}

// Apply implements Transform.
func (t RandomFlip) Apply(img *Image, rng *rand.Rand, _ *Workspace) *Image {
	if chance(rng, t.P) {
		FlipHorizontal(img)
	}
	return img
}
