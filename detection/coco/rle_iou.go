package coco

import "sort"

// RLEIoU computes the overlap of D detections with G ground truths as BoxIoU
// does, on pixels. The result is [DxG], row by row, with the values of
// pycocotools.mask.iou, bit for bit: masks of different sizes whose boxes
// overlap have IoU -1.
func RLEIoU(dt, gt []RLE, crowd []bool) []float64 {
	out := make([]float64, len(dt)*len(gt))
	d := make([]spans, len(dt))
	for i := range dt {
		d[i].set(dt[i].Height, dt[i].Width, dt[i].Counts)
	}
	g := make([]spans, len(gt))
	for i := range gt {
		g[i].set(gt[i].Height, gt[i].Width, gt[i].Counts)
	}
	for i := range d {
		for j := range g {
			out[i*len(g)+j] = spansIoU(&d[i], &g[j], crowd != nil && crowd[j])
		}
	}
	return out
}

// spans is a mask prepared for comparison with many others.
type spans struct {
	rle  RLE
	box  XYWH
	area uint32
	// edges holds begin and end of each inside run, in pixel numbers:
	// [edges[0], edges[1]), [edges[2], edges[3]), ...
	edges []uint32
	// plain tells that no run but the first has length 0. All masks that an
	// encoder writes are plain.
	plain bool
}

// set prepares a mask; it reuses the memory of edges and keeps counts.
func (s *spans) set(height, width int, counts []uint32) {
	s.rle = RLE{Height: height, Width: width, Counts: counts}
	s.box, s.area = s.rle.Box(), s.rle.Area()
	s.plain = true
	s.edges = s.edges[:0]
	var at uint32
	for i, n := range counts {
		at += n
		s.edges = append(s.edges, at)
		if n == 0 && i > 0 {
			s.plain = false
		}
	}
	s.edges = s.edges[:len(s.edges)/2*2]
}

// spansIoU compares pixels only where the boxes overlap, as the COCO API does.
func spansIoU(d, g *spans, crowd bool) float64 {
	if boxIoU(&d.box, &g.box, false) <= 0 {
		return 0
	}
	if d.rle.Height != g.rle.Height || d.rle.Width != g.rle.Width {
		return -1
	}
	if !d.plain || !g.plain {
		return walkIoU(d.rle.Counts, g.rle.Counts, d.area, crowd)
	}
	inter := overlap(d, g)
	switch {
	case inter == 0:
		return 0
	case crowd:
		return float64(inter) / float64(d.area)
	}
	return float64(inter) / float64(d.area+g.area-inter)
}

// overlap counts the pixels that two plain masks share. It looks only at the runs
// within the columns that both boxes cover.
func overlap(d, g *spans) (n uint32) {
	h := uint32(d.rle.Height)
	left := uint32(max(d.box[0], g.box[0])) * h
	right := uint32(min(d.box[0]+d.box[2], g.box[0]+g.box[2])) * h
	a, b := within(d.edges, left, right), within(g.edges, left, right)
	for len(a) > 0 && len(b) > 0 {
		if lo, hi := max(a[0], b[0]), min(a[1], b[1]); lo < hi {
			n += hi - lo
		}
		if a[1] < b[1] {
			a = a[2:]
		} else {
			b = b[2:]
		}
	}
	return n
}

// within drops the runs that end at or before left or begin at or after right.
func within(edges []uint32, left, right uint32) []uint32 {
	first := sort.Search(len(edges)/2, func(i int) bool { return edges[2*i+1] > left })
	edges = edges[2*first:]
	last := sort.Search(len(edges)/2, func(i int) bool { return edges[2*i] >= right })
	return edges[:2*last]
}

// walkIoU is the COCO API's own walk, which ends early where runs of length 0
// coincide (see mergeCounts), for masks that have such runs.
func walkIoU(a, b []uint32, dArea uint32, crowd bool) float64 {
	var (
		ia, ib       = 1, 1
		ca, cb       = a[0], b[0]
		inA, inB     bool
		inter, union uint32
	)
	for more := true; more; {
		c := min(ca, cb)
		if inA || inB {
			union += c
			if inA && inB {
				inter += c
			}
		}
		ca, cb = ca-c, cb-c
		if ca == 0 && ia < len(a) {
			ca, inA = a[ia], !inA
			ia++
		}
		if cb == 0 && ib < len(b) {
			cb, inB = b[ib], !inB
			ib++
		}
		usedUp := ca == 0 && ia == len(a) || cb == 0 && ib == len(b) // both at once, if sums agree
		more = (ca != 0 || cb != 0) && !usedUp
	}
	if inter == 0 {
		union = 1
	} else if crowd {
		union = dArea
	}
	return float64(inter) / float64(union)
}
