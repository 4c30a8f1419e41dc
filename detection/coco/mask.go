package coco

import "fmt"

// Mask is a binary image [HeightxWidth], row by row: the pixel of row y and
// column x is Pix[y*Width+x], and it belongs to the object if it is not 0.
type Mask struct {
	Height, Width int
	Pix           []byte
}

// NewMask returns an empty mask.
func NewMask(height, width int) Mask {
	return Mask{Height: height, Width: width, Pix: make([]byte, height*width)}
}

// EncodeMask returns the run lengths of a mask.
func EncodeMask(m Mask) (RLE, error) {
	if err := checkMaskSize(m.Height, m.Width); err != nil {
		return RLE{}, err
	}
	if len(m.Pix) != m.Height*m.Width {
		return RLE{}, fmt.Errorf("coco: a mask of %dx%d pixels has %d bytes, give one byte a pixel", m.Height, m.Width, len(m.Pix))
	}
	r := RLE{Height: m.Height, Width: m.Width}
	object, run := false, uint32(0)
	for x := range m.Width {
		for at := x; at < len(m.Pix); at += m.Width {
			if (m.Pix[at] != 0) != object {
				r.Counts = append(r.Counts, run)
				object, run = !object, 0
			}
			run++
		}
	}
	r.Counts = append(r.Counts, run)
	return r, nil
}

// Decode returns the mask that the run lengths stand for, with 1 for the object.
func (r RLE) Decode() (Mask, error) {
	if err := r.Validate(); err != nil {
		return Mask{}, err
	}
	m := NewMask(r.Height, r.Width)
	x, y := 0, 0
	for i, run := range r.Counts {
		for range run {
			if i%2 == 1 {
				m.Pix[y*m.Width+x] = 1
			}
			if y++; y == m.Height {
				x, y = x+1, 0
			}
		}
	}
	return m, nil
}
