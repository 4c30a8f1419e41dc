package coco

import (
	"errors"
	"fmt"
	"math"

	"pmx/detection/coco/internal/jsonscan"
)

// segmentation reads a shape in any of its forms and checks it. The result is
// valid until the next call.
func (f *fileReader) segmentation() (Segmentation, error) {
	if f.s.Peek() == jsonscan.Object {
		err := f.runLengths()
		return Segmentation{RLE: &f.rle}, err
	}
	return f.polygons()
}

// polygons reads [[x, y, ...], ...].
func (f *fileReader) polygons() (Segmentation, error) {
	f.numbers, f.ends = f.numbers[:0], f.ends[:0]
	err := f.s.Array(func(int) error {
		begin := len(f.numbers)
		start := f.s.Offset()
		var err error
		if f.numbers, err = f.s.Floats(f.numbers); err != nil {
			return err
		}
		f.ends = append(f.ends, len(f.numbers))
		if err := Polygon(f.numbers[begin:]).validate(); err != nil {
			return &jsonscan.Error{Offset: start, Msg: withoutPrefix(err)}
		}
		return nil
	})
	if err != nil || len(f.ends) == 0 {
		return Segmentation{}, err
	}
	f.polys = f.polys[:0]
	begin := 0
	for _, end := range f.ends {
		f.polys = append(f.polys, f.numbers[begin:end])
		begin = end
	}
	return Segmentation{Polygons: f.polys}, nil
}

// runLengths reads {"size": [h, w], "counts": ...}.
func (f *fileReader) runLengths() error {
	var size []float64
	haveCounts := false
	f.rle = CompressedRLE{}
	err := f.s.Object(func(key []byte) (err error) {
		switch string(key) {
		case "size":
			size, err = f.s.Floats(size[:0])
		case "counts":
			haveCounts = true
			err = f.readCounts()
		default:
			err = f.s.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if !haveCounts {
		return errors.New("an RLE without \"counts\"")
	}
	if len(size) != 2 || size[0] != math.Trunc(size[0]) || size[1] != math.Trunc(size[1]) || size[0]*size[1] > maxMaskPixels {
		return fmt.Errorf("an RLE of size %v, it must be [height, width]", size)
	}
	f.rle = CompressedRLE{Height: int(size[0]), Width: int(size[1]), Counts: string(f.counts)}
	return RLE{Height: f.rle.Height, Width: f.rle.Width, Counts: f.runs}.Validate()
}

// readCounts reads run lengths in either form, and checks them.
func (f *fileReader) readCounts() (err error) {
	f.runs = f.runs[:0]
	if f.s.Peek() == jsonscan.String {
		text, err := f.s.Bytes()
		if err != nil {
			return err
		}
		f.counts = append(f.counts[:0], text...)
		f.runs, err = parseCounts(f.runs, f.counts)
		return err
	}
	err = f.s.Array(func(i int) error {
		n, err := f.s.Int()
		if err == nil && (n < 0 || n > math.MaxUint32) {
			err = fmt.Errorf("malformed RLE, run %d has length %d", i, n)
		}
		f.runs = append(f.runs, uint32(n))
		return err
	})
	f.counts = appendCounts(f.counts[:0], f.runs)
	return err
}
