package coco

// arena hands out long-lived copies of small values from large blocks, so that a
// million of them are a few thousand allocations.
type arena[T any] struct{ free []T }

const arenaBlock = 1 << 13

// clone returns a copy of v.
func (a *arena[T]) clone(v []T) []T {
	if len(v) > len(a.free) {
		if len(v) > arenaBlock/8 {
			return append([]T(nil), v...)
		}
		a.free = make([]T, arenaBlock)
	}
	c := a.free[:len(v):len(v)]
	a.free = a.free[len(v):]
	copy(c, v)
	return c
}

// segmentationArena holds what segmentations refer to.
type segmentationArena struct {
	numbers  arena[float64]
	outlines arena[Polygon]
	runs     arena[CompressedRLE]
}

// keep replaces what s refers to by copies.
func (a *segmentationArena) keep(s *Segmentation) {
	if s.RLE != nil {
		s.RLE = &a.runs.clone([]CompressedRLE{*s.RLE})[0]
	}
	if s.Polygons != nil {
		s.Polygons = a.outlines.clone(s.Polygons)
		for i, p := range s.Polygons {
			s.Polygons[i] = a.numbers.clone(p)
		}
	}
}
