package coco

import (
	"fmt"
	"slices"
)

// span is a run of pixels inside an object in one column: rows from to to-1.
type span struct{ column, from, to int }

// spans lists the runs of a valid mask, cut at the ends of columns, in order.
func (r RLE) spans() []span {
	out := make([]span, 0, len(r.Counts)/2)
	at := 0
	for i, n := range r.Counts {
		end := at + int(n)
		if i%2 == 1 {
			for begin := at; begin < end; {
				column := begin / r.Height
				stop := min(end, (column+1)*r.Height)
				out = append(out, span{column, begin - column*r.Height, stop - column*r.Height})
				begin = stop
			}
		}
		at = end
	}
	return out
}

// runBuilder makes the run lengths of a mask of spans that come in order.
type runBuilder struct {
	mask RLE
	end  int // of the last run inside, as a pixel number
}

func (b *runBuilder) add(s span) {
	begin, end := s.column*b.mask.Height+s.from, s.column*b.mask.Height+s.to
	switch n := len(b.mask.Counts); {
	case begin >= end:
		return
	case n > 0 && begin == b.end:
		b.mask.Counts[n-1] += uint32(end - begin)
	default:
		b.mask.Counts = append(b.mask.Counts, uint32(begin-b.end), uint32(end-begin))
	}
	b.end = end
}

func (b *runBuilder) finish() RLE {
	if rest := b.mask.Height*b.mask.Width - b.end; rest > 0 {
		b.mask.Counts = append(b.mask.Counts, uint32(rest))
	}
	return b.mask
}

// FlipHorizontal is the mask mirrored left to right.
func (r RLE) FlipHorizontal() (RLE, error) {
	if err := r.Validate(); err != nil {
		return RLE{}, err
	}
	spans := r.spans()
	b := runBuilder{mask: RLE{Height: r.Height, Width: r.Width}}
	for end := len(spans); end > 0; {
		begin := end - 1
		for begin > 0 && spans[begin-1].column == spans[begin].column {
			begin--
		}
		for _, s := range spans[begin:end] {
			s.column = r.Width - 1 - s.column
			b.add(s)
		}
		end = begin
	}
	return b.finish(), nil
}

// Crop is the part of the mask whose upper left pixel is in row y and column x.
func (r RLE) Crop(y, x, height, width int) (RLE, error) {
	if err := r.Validate(); err != nil {
		return RLE{}, err
	}
	if y < 0 || x < 0 || height < 1 || width < 1 || y+height > r.Height || x+width > r.Width {
		return RLE{}, fmt.Errorf("coco: rows %d to %d and columns %d to %d are not a part of a mask of height %d and width %d",
			y, y+height-1, x, x+width-1, r.Height, r.Width)
	}
	b := runBuilder{mask: RLE{Height: height, Width: width}}
	for _, s := range r.spans() {
		if s.column >= x && s.column < x+width {
			b.add(span{s.column - x, max(s.from-y, 0), min(s.to-y, height)})
		}
	}
	return b.finish(), nil
}

// Resize scales the mask to another size; each pixel is the nearest one of r, as in
// Pillow's resize by NEAREST.
func (r RLE) Resize(height, width int) (RLE, error) {
	if err := r.Validate(); err != nil {
		return RLE{}, err
	}
	if err := checkMaskSize(height, width); err != nil {
		return RLE{}, err
	}
	spans := r.spans()
	// Rows before[y] to before[y+1]-1 of the result come from row y.
	rows := nearest(r.Height, height)
	before := make([]int, r.Height+1)
	for y := range before {
		before[y], _ = slices.BinarySearch(rows, y)
	}
	b := runBuilder{mask: RLE{Height: height, Width: width}}
	first := 0
	for x, column := range nearest(r.Width, width) {
		for first < len(spans) && spans[first].column < column {
			first++
		}
		for _, s := range spans[first:] {
			if s.column != column {
				break
			}
			b.add(span{x, before[s.from], before[s.to]})
		}
	}
	return b.finish(), nil
}

// nearest lists the pixel that each of out pixels is taken from, of in. Places are
// summed up as Pillow does, for the rounding of the sum decides on ties.
func nearest(in, out int) []int {
	step := float64(in) / float64(out)
	place := step * .5
	list := make([]int, out)
	for i := range list {
		list[i] = min(int(place), in-1)
		place += step
	}
	return list
}
