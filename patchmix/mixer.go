package patchmix

import (
	"fmt"
	"math/rand/v2"
)

// Permutation draws a random order of the T patch positions.
func Permutation(rng *rand.Rand, T int) []int { return rng.Perm(T) }

// Mixer makes mixed images of a batch: every result consists of equal numbers of
// patches of Num images, in random places. (Some patches more come from the
// image itself if Num does not divide their number.)
//
//	T = (H/Patch)*(W/Patch)   positions, row-major
//	S = T/Num, rounded down   positions a group
//
// With a permutation perm of the positions, shared by the batch, position perm[t]
// of result b is that position of image (b + t/S) mod N for t < S*Num, and of
// image b for the rest. Shuffling, exchanging groups and undoing the shuffle, as
// the paper describes it, comes to this. arXiv 2306.12243.
type Mixer struct {
	Patch int // side of a patch in pixels
	Num   int // images in a mix, m in the paper
}

// Check tells whether batches of n images of h x w pixels can be mixed.
func (x Mixer) Check(n, h, w int) error {
	switch {
	case x.Patch < 1:
		return fmt.Errorf("patchmix: mixing patches of %d pixels, the side must be at least 1", x.Patch)
	case h%x.Patch != 0 || w%x.Patch != 0 || h < 1 || w < 1:
		return fmt.Errorf("patchmix: mixing images of %dx%d in patches of %d, make both sides multiples of the patch", w, h, x.Patch)
	case x.Num < 1:
		return fmt.Errorf("patchmix: mixing %d images, choose at least 1", x.Num)
	case x.Num > x.positions(h, w):
		return fmt.Errorf("patchmix: mixing %d images of %d patches each, choose at most as many images as patches", x.Num, x.positions(h, w))
	case 2*x.Num-1 > n:
		return errBatchTooSmall(n, x.Num)
	}
	return nil
}

func (x Mixer) positions(h, w int) int { return (h / x.Patch) * (w / x.Patch) }

// Mix writes the mixed images of src to dst, both [n, c, h, w] and not
// overlapping, by a permutation of the (h/Patch)*(w/Patch) positions.
func (x Mixer) Mix(dst, src []float32, n, c, h, w int, perm []int) error {
	if err := x.Check(n, h, w); err != nil {
		return err
	}
	if size := n * c * h * w; len(src) != size || len(dst) != size {
		return fmt.Errorf("patchmix: mixing [%d %d %d %d] needs %d values, got %d for %d", n, c, h, w, size, len(src), len(dst))
	}
	shift, err := x.shifts(perm, h, w)
	if err != nil {
		return err
	}
	columns, image := w/x.Patch, c*h*w
	for b := range n {
		for row := range c * h {
			y := row % h
			line := shift[y/x.Patch*columns:][:columns]
			at := b*image + row*w
			for i := 0; i < columns; {
				end := i + 1 // neighbours from the same image are copied at once
				for end < columns && line[end] == line[i] {
					end++
				}
				from := (b+line[i])%n*image + row*w
				copy(dst[at+i*x.Patch:at+end*x.Patch], src[from+i*x.Patch:])
				i = end
			}
		}
	}
	return nil
}

// shifts says for every position how many images further on its patch is from.
func (x Mixer) shifts(perm []int, h, w int) ([]int, error) {
	T := x.positions(h, w)
	if len(perm) != T {
		return nil, fmt.Errorf("patchmix: a permutation of %d positions for images of %d patches", len(perm), T)
	}
	shift := make([]int, T)
	for i := range shift {
		shift[i] = -1
	}
	group := T / x.Num
	for t, position := range perm {
		if position < 0 || position >= T || shift[position] >= 0 {
			return nil, fmt.Errorf("patchmix: %v is no permutation, entry %d is out of range or there twice", perm, t)
		}
		shift[position] = 0
		if t < group*x.Num {
			shift[position] = t / group
		}
	}
	return shift, nil
}
