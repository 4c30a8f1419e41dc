package images

import "math/rand/v2"

// Grayscale sets all three channels to the pixel's luma.
func Grayscale(img *Image) {
	p := img.Pix
	for len(p) >= 3 {
		l := luma(p[0], p[1], p[2])
		p[0], p[1], p[2] = l, l, l
		p = p[3:]
	}
}

// RandomGrayscale takes the colour away with probability P.
type RandomGrayscale struct {
	P float64 `json:"p"`
}

// Apply implements Transform.
func (t RandomGrayscale) Apply(img *Image, rng *rand.Rand, _ *Workspace) *Image {
	if chance(rng, t.P) {
		Grayscale(img)
	}
	return img
}
