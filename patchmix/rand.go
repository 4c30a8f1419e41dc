package patchmix

import "math/rand/v2"

// Everything random has its own generator, seeded by what it is for, so that no
// draw depends on another or on which worker makes it.
const (
	streamShuffle = iota // order of an epoch
	streamMix            // permutations and m of a step
	streamHoldOut        // which images are held out
	streamView           // one view of one image; views count up from here
)

// source seeds pcg for one purpose: stream, with the numbers that identify the
// case (such as epoch and image).
func source(pcg *rand.PCG, seed uint64, stream, a, b int) {
	s := scramble(seed + scramble(uint64(stream)))
	pcg.Seed(scramble(s+uint64(a)), uint64(b))
}

// scramble spreads every bit of x over all of the result (the finaliser of
// SplitMix64; G. L. Steele et al., "Fast Splittable Pseudorandom Number
// Generators", 2014).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func newRand(seed uint64, stream, a, b int) *rand.Rand {
	var pcg rand.PCG
	source(&pcg, seed, stream, a, b)
	return rand.New(&pcg)
}
