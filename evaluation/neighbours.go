package evaluation

import (
	"cmp"
	"slices"
)

// neighbour is an image of the bank, seen from a query.
type neighbour struct {
	cosine float64
	index  int32 // in the bank
}

// nearer orders neighbours: the higher cosine first, then the lower index.
func nearer(a, b neighbour) int {
	return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.index, b.index))
}

// neighbours keeps the k nearest images of those offered, as a heap whose root
// is the farthest. That is faster than sorting all: once the heap is full, nearly
// every image is refused by one comparison.
type neighbours struct {
	heap []neighbour
	// slack is how far, at most, an offered cosine is from the true one.
	slack float64
}

func newNeighbours(k int, slack float64) neighbours {
	return neighbours{make([]neighbour, 0, k), slack}
}

func (h *neighbours) reset() { h.heap = h.heap[:0] }

// offer looks at the images first, first+1, ... of the bank with their cosines.
// Where those do not rule an image out, exact gives its cosine, by which it is kept.
// Blocks are offered in order of the bank.
func (h *neighbours) offer(cosines []float32, first int, exact func(image int) float64) {
	for i, c := range cosines {
		full := len(h.heap) == cap(h.heap)
		// An equal one comes later in the bank: it is farther.
		if full && float64(c)+h.slack <= h.heap[0].cosine {
			continue
		}
		n := neighbour{exact(first + i), int32(first + i)}
		switch {
		case !full:
			h.heap = append(h.heap, n)
			h.up(len(h.heap) - 1)
		case n.cosine > h.heap[0].cosine:
			h.heap[0] = n
			h.down(0)
		}
	}
}

// sorted gives the neighbours, nearest first. The heap is none any more.
func (h *neighbours) sorted() []neighbour {
	slices.SortFunc(h.heap, nearer)
	return h.heap
}

func (h *neighbours) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if nearer(h.heap[i], h.heap[parent]) <= 0 {
			return
		}
		h.heap[i], h.heap[parent] = h.heap[parent], h.heap[i]
		i = parent
	}
}

func (h *neighbours) down(i int) {
	for {
		far := 2*i + 1
		if far >= len(h.heap) {
			return
		}
		if r := far + 1; r < len(h.heap) && nearer(h.heap[r], h.heap[far]) > 0 {
			far = r
		}
		if nearer(h.heap[far], h.heap[i]) <= 0 {
			return
		}
		h.heap[i], h.heap[far] = h.heap[far], h.heap[i]
		i = far
	}
}
