package evaluation

import (
	"cmp"
	"slices"
)

// neighbour is an image of the bank, seen from a query.
type neighbour struct {
	cosine float32
	index  int32 // in the bank
}

// nearer orders neighbours: the higher cosine first, then the lower index.
func nearer(a, b neighbour) int {
	return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.index, b.index))
}

// neighbours keeps the k nearest images of those offered, as a heap whose root
// is the farthest. That is faster than sorting all: once the heap is full, nearly
// every image is refused by one comparison.
type neighbours struct{ heap []neighbour }

func newNeighbours(k int) neighbours { return neighbours{make([]neighbour, 0, k)} }

func (h *neighbours) reset() { h.heap = h.heap[:0] }

// offer looks at the images first, first+1, ... of the bank with their cosines.
// Blocks are offered in order of the bank.
func (h *neighbours) offer(cosines []float32, first int) {
	for i, c := range cosines {
		if len(h.heap) < cap(h.heap) {
			h.heap = append(h.heap, neighbour{c, int32(first + i)})
			h.up(len(h.heap) - 1)
		} else if c > h.heap[0].cosine { // an equal one comes later in the bank: it is farther
			h.heap[0] = neighbour{c, int32(first + i)}
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
