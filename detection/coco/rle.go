package coco

import (
	"fmt"
	"math"
)

// RLE is a binary mask as COCO's run lengths: the pixels are numbered column by
// column (down first, then right), and Counts are the lengths of runs that are
// by turns outside and inside the object, beginning outside; the first is 0 if
// the top left pixel is inside.
//
// A mask of 3 rows and 4 columns, with 3 pixels inside, and its runs:
//
//	0 1 0 0
//	0 1 0 0     Counts = [3 2 6 1]
//	0 0 0 1
//
// Source: the COCO API's mask interface.
type RLE struct {
	Height, Width int
	Counts        []uint32
}

// maxMaskPixels keeps pixel numbers within the 32-bit integers that the COCO
// API computes with.
const maxMaskPixels = math.MaxInt32

func checkMaskSize(height, width int) error {
	if height <= 0 || width <= 0 {
		return fmt.Errorf("coco: a mask of height %d and width %d has no pixels, both must be positive", height, width)
	}
	if height > maxMaskPixels/width {
		return fmt.Errorf("coco: a mask of height %d and width %d has more than %d pixels", height, width, maxMaskPixels)
	}
	return nil
}

// Validate tells whether the runs cover the mask exactly.
func (r RLE) Validate() error {
	if err := checkMaskSize(r.Height, r.Width); err != nil {
		return err
	}
	var sum uint64
	for _, n := range r.Counts {
		sum += uint64(n)
	}
	if sum != uint64(r.Height)*uint64(r.Width) {
		return fmt.Errorf("coco: malformed RLE, its runs cover %d pixels and its size [%d, %d] has %d", sum, r.Height, r.Width, r.Height*r.Width)
	}
	return nil
}

// Area is the number of pixels inside the object.
func (r RLE) Area() uint32 {
	var area uint32
	for i := 1; i < len(r.Counts); i += 2 {
		area += r.Counts[i]
	}
	return area
}

// Box is the smallest box around the object, with zeros if there are no inside
// runs at all.
//
// As in pycocotools, an object of several columns that touches the bottom of one
// and the top of the next spans the full height, which is right; and an object
// whose inside runs all have length 0 gets the meaningless box that unsigned
// arithmetic leads to.
func (r RLE) Box() XYWH {
	runs := len(r.Counts) / 2 * 2
	if runs == 0 || r.Height <= 0 {
		return XYWH{}
	}
	h := uint32(r.Height)
	x0, y0 := uint32(r.Width), h
	var x1, y1, at uint32
	for i := 0; i < runs; i += 2 {
		begin := at + r.Counts[i]
		at = begin + r.Counts[i+1]
		if begin == at {
			continue
		}
		firstCol, lastCol := begin/h, (at-1)/h
		x0, x1 = min(x0, firstCol), max(x1, lastCol)
		if firstCol < lastCol {
			y0, y1 = 0, h-1
		} else {
			y0, y1 = min(y0, begin%h), max(y1, (at-1)%h)
		}
	}
	return XYWH{float64(x0), float64(y0), float64(x1 - x0 + 1), float64(y1 - y0 + 1)}
}
