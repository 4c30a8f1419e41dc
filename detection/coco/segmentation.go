package coco

import (
	"fmt"
	"math"
)

// Segmentation is the shape of one object in one of the forms that COCO's files
// have: outlines, whose union is the object, or run lengths. The zero value
// stands for a shape that the file does not give.
type Segmentation struct {
	Polygons []Polygon
	RLE      *CompressedRLE
	// Problem says why what a file gives is none of them, and where it stands; it is
	// "" for a shape, and for none.
	Problem string
}

// CompressedRLE is an RLE with its counts in the string form. Uncompressed run
// lengths in files are kept in this form, too.
type CompressedRLE struct {
	Height, Width int
	Counts        string
}

// Decompress returns the run lengths.
func (c *CompressedRLE) Decompress() (RLE, error) { return ParseRLE(c.Height, c.Width, c.Counts) }

// IsZero tells whether there is no shape.
func (s Segmentation) IsZero() bool { return len(s.Polygons) == 0 && s.RLE == nil }

// check says why there is no mask of the shape, whatever the size of its image.
func (s Segmentation) check() error {
	switch {
	case s.Problem != "":
		return fmt.Errorf("coco: %s", s.Problem)
	case s.IsZero():
		return fmt.Errorf("coco: there is no segmentation")
	case s.RLE == nil:
		return validateOutlines(s.Polygons)
	}
	return nil
}

// Rasterise returns the pixels of the shape in an image of the given size. Run
// lengths of another size are an error.
func (s Segmentation) Rasterise(height, width int) (RLE, error) {
	var m masker
	counts, h, w, err := m.counts(&s, height, width)
	return RLE{Height: h, Width: w, Counts: counts}, err
}

// masker turns shapes into run lengths; its buffers serve many shapes.
type masker struct {
	raster rasteriser
	runs   []uint32
}

// counts returns the run lengths of a shape, valid until the next call. An image
// size of 0 is unknown: run lengths then have their own.
func (m *masker) counts(s *Segmentation, height, width int) (counts []uint32, h, w int, err error) {
	if s.RLE != nil {
		if height > 0 && width > 0 && (s.RLE.Height != height || s.RLE.Width != width) {
			return nil, 0, 0, fmt.Errorf("coco: the RLE has size [%d, %d], its image has height %d and width %d", s.RLE.Height, s.RLE.Width, height, width)
		}
		m.runs, err = parseCounts(m.runs[:0], s.RLE.Counts)
		if err != nil {
			return nil, 0, 0, err
		}
		r := RLE{Height: s.RLE.Height, Width: s.RLE.Width, Counts: m.runs}
		return r.Counts, r.Height, r.Width, r.Validate()
	}
	if err := s.check(); err != nil {
		return nil, 0, 0, err
	}
	if height <= 0 || width <= 0 {
		return nil, 0, 0, fmt.Errorf("coco: polygons cannot be drawn, the file gives no height and width of their image")
	}
	if err := checkMaskSize(height, width); err != nil {
		return nil, 0, 0, err
	}
	if m.runs, err = m.raster.drawAll(m.runs, height, width, s.Polygons); err != nil {
		return nil, 0, 0, err
	}
	return m.runs, height, width, nil
}

// box is the extent of a shape without drawing it: of outlines their outermost
// coordinates, which is how COCO's own boxes come about.
func (s Segmentation) box() (XYWH, error) {
	if s.RLE != nil {
		r, err := s.RLE.Decompress()
		return r.Box(), err
	}
	b := XYXY{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range s.Polygons {
		for i := 0; i+1 < len(p); i += 2 {
			b[0], b[2] = min(b[0], p[i]), max(b[2], p[i])
			b[1], b[3] = min(b[1], p[i+1]), max(b[3], p[i+1])
		}
	}
	return b.XYWH(), nil
}

// area is the area of a shape without drawing it: of outlines the sum of the
// shoelace formula |Σ x_i y_{i+1} - x_{i+1} y_i| / 2.
func (s Segmentation) area() (float64, error) {
	if s.RLE != nil {
		r, err := s.RLE.Decompress()
		return float64(r.Area()), err
	}
	var sum float64
	for _, p := range s.Polygons {
		var twice float64
		n := len(p) / 2
		for i := range n {
			j := (i + 1) % n
			twice += p[2*i]*p[2*j+1] - p[2*j]*p[2*i+1]
		}
		sum += math.Abs(twice) / 2
	}
	return sum, nil
}
