package evaluation

import (
	"context"
	"fmt"
	"math"
)

// Neighbour is an image that is near another.
type Neighbour struct {
	Image  int
	Cosine float64
}

// Similar compares the images of a set with each other, by the cosines of their
// features.
type Similar struct {
	dim  int
	data []float32
	// Product finds the images that are near; nil is BLAS. It decides the time, not the
	// result.
	Product Product
	// Progress, unless nil, is told after each block how many of the comparisons
	// (images times images) are done.
	Progress func(done, total int64)

	block    blockSize // tests choose small ones
	maxPairs int
}

// NewSimilar takes the features data [n dim] of n images, whose rows it scales to length
// 1 in place. The error says which is not finite.
func NewSimilar(data []float32, dim int) (*Similar, error) {
	if dim < 1 || len(data) == 0 || len(data)%dim != 0 {
		return nil, fmt.Errorf("evaluation: %d numbers are not rows of %d", len(data), dim)
	}
	for i := 0; i < len(data); i += dim {
		if !normalize(data[i : i+dim]) {
			return nil, fmt.Errorf("evaluation: the feature of image %d is not finite", i/dim)
		}
	}
	return &Similar{dim: dim, data: data, block: defaultBlock, maxPairs: maxPairs}, nil
}

func (s *Similar) search() search {
	v := vectors{s.dim, s.data}
	find := search{bank: v, queries: v, product: s.Product, block: s.block, progress: s.Progress}
	if find.product == nil {
		find.product = BLAS{}
	}
	return find
}

// Neighbours gives found the k nearest other images of each image in order, nearest
// first, or all others if there are fewer. Of equally near ones the one that comes first
// is nearer. What is found is valid until the call returns.
func (s *Similar) Neighbours(ctx context.Context, k int, found func(image int, near []Neighbour) error) error {
	if k < 1 {
		return fmt.Errorf("evaluation: %d neighbours: want at least 1", k)
	}
	var near []Neighbour
	// One more, since an image is near to itself; of many equal ones it may not be among
	// the first.
	return s.search().nearest(ctx, min(k, len(s.data)/s.dim)+1, func(image int, all []neighbour) error {
		near = near[:0]
		for _, n := range all {
			if int(n.index) != image && len(near) < k {
				near = append(near, Neighbour{int(n.index), n.cosine})
			}
		}
		return found(image, near)
	})
}

// rounding is how far the cosine of equal rows may be from 1: their length is rounded to
// float32.
const rounding = 1e-6

// maxPairs is how many duplicates are listed at most: a low threshold makes every pair
// of images one.
const maxPairs = 10_000_000

// Duplicates gives found the pairs of images whose cosine is at least the threshold:
// for each image, in order, the earlier ones that it repeats, in order.
func (s *Similar) Duplicates(ctx context.Context, threshold float64, found func(image int, earlier Neighbour) error) error {
	if !(threshold > -1 && threshold <= 1) {
		return fmt.Errorf("evaluation: a threshold of %g: want a cosine above -1, at most 1", threshold)
	}
	threshold -= rounding
	find := s.search()
	find.earlier = true
	slack := find.product.Error(s.dim)
	lists := make([][]Neighbour, min(find.block.queries, find.queries.len()))
	pairs := 0
	return find.cosines(ctx, func(cosines []float32, q, m, b, n int) error {
		parallel(m, func(i int) {
			query := find.queries.row(q + i)
			for j, c := range cosines[i*n : (i+1)*n] {
				if b+j >= q+i || float64(c)+slack < threshold {
					continue
				}
				if exact := dot(query, find.bank.row(b+j)); exact >= threshold {
					lists[i] = append(lists[i], Neighbour{b + j, math.Min(exact, 1)})
				}
			}
		})
		waiting := 0
		for _, list := range lists {
			waiting += len(list)
		}
		if pairs+waiting > s.maxPairs {
			return fmt.Errorf("evaluation: more than %d pairs of images have a cosine of %g: choose a higher threshold", s.maxPairs, threshold+rounding)
		}
		return nil
	}, func(q, m int) error {
		for i := range m {
			pairs += len(lists[i])
			for _, n := range lists[i] {
				if err := found(q+i, n); err != nil {
					return err
				}
			}
			lists[i] = lists[i][:0]
		}
		return nil
	})
}
