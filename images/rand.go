package images

import "math/rand/v2"

// Everything random has its own generator, seeded by what it is for, so that no
// draw depends on another or on which worker makes it.
const (
	StreamShuffle = iota // order of an epoch
	StreamMix            // permutations and m of a step
	StreamHoldOut        // which images are held out
	StreamView           // one view of one image; views count up from here
)

// Streams beyond those of all views.
const (
	StreamErase   = 1<<16 + iota // random erasing of one image
	StreamMixup                  // mixup and cutmix of a step
	StreamReplace                // what stands for an image that cannot be read
)

// Seed seeds pcg for one purpose: stream, with the numbers that identify the
// case (such as epoch and image).
func Seed(pcg *rand.PCG, seed uint64, stream, a, b int) {
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

// NewRand is a new source of random numbers at the place that [Seed] gives.
func NewRand(seed uint64, stream, a, b int) *rand.Rand {
	var pcg rand.PCG
	Seed(&pcg, seed, stream, a, b)
	return rand.New(&pcg)
}
