package detection

import (
	"math"

	"pmx/detection/coco"
)

// PasteMask spreads a mask [side side] of probabilities over a box of a picture: linear
// between the centres of the mask's values, read at the centres of pixels, 0 outside of
// the mask. A pixel belongs to the object from .5 on. (detectron2's
// paste_masks_in_image)
func PasteMask(mask []float32, side int, box [4]float32, height, width int) coco.RLE {
	rows := axisOf(box[1], box[3], side, height)
	columns := axisOf(box[0], box[2], side, width)
	out := coco.RLE{Height: height, Width: width}
	column := make([]float32, side+2) // of the mask at one x, with a 0 before and behind
	inside, end := false, 0           // whether the last run is inside, and where it began
	change := func(at int) {
		out.Counts = append(out.Counts, uint32(at-end))
		inside, end = !inside, at
	}
	for x := columns.first; x < columns.end; x++ {
		i, left, right := columns.at(x)
		for j := range side {
			column[j+1] = 0
			if i >= 0 {
				column[j+1] += mask[j*side+i] * left
			}
			if i+1 < side {
				column[j+1] += mask[j*side+i+1] * right
			}
		}
		for y := rows.first; y < rows.end; y++ {
			j, top, bottom := rows.at(y)
			if (column[j+1]*top+column[j+2]*bottom >= maskThreshold) != inside {
				change(x*height + y)
			}
		}
		if inside && rows.end < height {
			change(x*height + rows.end)
		}
		if inside && rows.first > 0 {
			change((x + 1) * height)
		}
	}
	if inside && columns.end < width {
		change(columns.end * height)
	}
	if rest := height*width - end; rest > 0 {
		out.Counts = append(out.Counts, uint32(rest))
	}
	return out
}

// axis places a mask's values along one side of a box.
type axis struct {
	from, extent float32 // of the box
	side         int     // values
	first, end   int     // pixels that can have a value
}

func axisOf(from, to float32, side, pixels int) axis {
	a := axis{from: from, extent: to - from, side: side}
	// Half a value beyond the box all is 0.
	margin := a.extent / float32(2*side)
	a.first = min(max(int(math.Floor(float64(from-margin)))-1, 0), pixels)
	a.end = max(a.first, min(int(math.Ceil(float64(to+margin)))+1, pixels))
	return a
}

// at says which two values pixel p lies between, i and i+1, and the weights of both. It
// is -1 before the first value and side-1 behind the last.
func (a axis) at(p int) (i int, before, behind float32) {
	place := (float32(p)+.5-a.from)/a.extent*float32(a.side) - .5
	if !(place > -1 && place < float32(a.side)) {
		return -1, 0, 0
	}
	floor := float32(math.Floor(float64(place)))
	behind = place - floor
	return int(floor), 1 - behind, behind
}
