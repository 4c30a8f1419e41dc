package images

import "math/rand/v2"

// Noise is a dataset of 64 pictures of noise, side x side pixels, without labels
// that mean anything. It is in memory and needs no decoding: what a benchmark of
// transforms alone takes.
func Noise(side int) Dataset {
	const n = 64
	rng := rand.New(rand.NewPCG(1, 1))
	r := &records{name: "noise", w: side, h: side, planar: true, labels: make([]uint8, n), pix: make([]uint8, n*3*side*side)}
	for i := range r.pix {
		r.pix[i] = uint8(rng.Uint32())
	}
	return r
}
