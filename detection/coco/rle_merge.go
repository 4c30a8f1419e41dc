package coco

import "fmt"

// Union returns the pixels that are in any of the masks. All must be of one size.
func Union(masks ...RLE) (RLE, error) { return merge(masks, false) }

// Intersection returns the pixels that are in all of the masks.
func Intersection(masks ...RLE) (RLE, error) { return merge(masks, true) }

func merge(masks []RLE, intersect bool) (RLE, error) {
	if len(masks) == 0 {
		return RLE{}, fmt.Errorf("coco: there are no masks to merge")
	}
	acc := masks[0]
	if err := acc.Validate(); err != nil {
		return RLE{}, err
	}
	for _, m := range masks[1:] {
		if m.Height != acc.Height || m.Width != acc.Width {
			return RLE{}, fmt.Errorf("coco: masks of %dx%d and %dx%d cannot be merged, they must be of one size", acc.Height, acc.Width, m.Height, m.Width)
		}
		if err := m.Validate(); err != nil {
			return RLE{}, err
		}
		acc.Counts = mergeCounts(acc.Counts, m.Counts, intersect)
	}
	return acc, nil
}

// mergeCounts walks two masks in step. It ends, as the COCO API does, when both
// current runs are used up: two inside runs of length 0 at the same place end
// the walk early, and such runs the COCO API never writes.
//
// walkIoU has the same loop. One iterator for both was tried: a struct with a next
// method took 1.8 (merge) and 3.3 (IoU) times as long, a function that calls back
// for each stretch 1.1 and 1.5 times.
func mergeCounts(a, b []uint32, intersect bool) []uint32 {
	var (
		out      []uint32
		ia, ib   = 1, 1
		ca, cb   = a[0], b[0]
		inA, inB bool
		in       bool
		run      uint32
	)
	for more := true; more; {
		c := min(ca, cb)
		run += c
		ca, cb = ca-c, cb-c
		if ca == 0 && ia < len(a) {
			ca, inA = a[ia], !inA
			ia++
		}
		if cb == 0 && ib < len(b) {
			cb, inB = b[ib], !inB
			ib++
		}
		was := in
		if intersect {
			in = inA && inB
		} else {
			in = inA || inB
		}
		usedUp := ca == 0 && ia == len(a) || cb == 0 && ib == len(b) // both at once, if sums agree
		more = (ca != 0 || cb != 0) && !usedUp
		if in != was || !more {
			out, run = append(out, run), 0
		}
	}
	return out
}
