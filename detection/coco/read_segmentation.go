package coco

import (
	"cmp"
	"fmt"
	"math"
	"strconv"

	"pmx/detection/coco/internal/jsonscan"
)

// segmentation reads a shape in any of its forms. What is none of them is told in the
// shape's Problem: those who score boxes do not need it. An error is text that is not JSON.
// The result is valid until the next call.
func (f *fileReader) segmentation() (Segmentation, error) {
	f.s.Peek()
	at := f.s.Offset()
	f.problem = ""
	f.numbers, f.ends, f.runs = f.numbers[:0], f.ends[:0], f.runs[:0]
	shape, err := f.shape()
	if err != nil {
		return Segmentation{}, err
	}
	if f.problem != "" {
		return Segmentation{Problem: fmt.Sprintf("byte %d: %s", at, f.problem)}, nil
	}
	return shape, nil
}

// wrong notes the first thing that is wrong with a shape.
func (f *fileReader) wrong(format string, args ...any) {
	if f.problem == "" {
		f.problem = fmt.Sprintf(format, args...)
	}
}

func (f *fileReader) shape() (Segmentation, error) {
	switch kind := f.s.Peek(); kind {
	case jsonscan.Object:
		err := f.runLengths()
		return Segmentation{RLE: &f.rle}, err
	case jsonscan.Array:
		return f.list()
	default:
		f.wrong("%v where a list of outlines or an RLE is expected", kind)
		return Segmentation{}, f.s.SkipPython()
	}
}

// list reads [[x, y, ...], ...], or a list of RLEs, whose union is the object.
func (f *fileReader) list() (Segmentation, error) {
	var union []uint32
	masks, size := 0, [2]int{}
	err := f.s.Array(func(int) error {
		switch kind := f.s.Peek(); kind {
		case jsonscan.Array:
			return f.outline()
		case jsonscan.Object:
			f.runs = nil // the others' are kept
			err := f.runLengths()
			switch now := [2]int{f.rle.Height, f.rle.Width}; {
			case masks == 0:
				union, size = f.runs, now
			case now != size:
				f.wrong("RLEs of sizes %v and %v in one list", size, now)
			default:
				union = mergeCounts(union, f.runs, false)
			}
			masks++
			return err
		default:
			f.wrong("%v where an outline is expected: want a list of outlines, [[x, y, x, y, ...]]", kind)
			return f.s.SkipPython()
		}
	})
	switch {
	case err != nil:
		return Segmentation{}, err
	case masks > 0 && len(f.ends) > 0:
		f.wrong("outlines and RLEs in one list")
	case masks > 0:
		f.runs = union
		f.counts = appendCounts(f.counts[:0], union)
		f.rle.Counts = string(f.counts)
		return Segmentation{RLE: &f.rle}, nil
	case len(f.ends) == 0:
		return Segmentation{}, nil // what is wrong with it has been noted
	}
	f.polys = f.polys[:0]
	begin := 0
	for _, end := range f.ends {
		f.polys = append(f.polys, f.numbers[begin:end])
		begin = end
	}
	if f.problem == "" {
		if err := validateOutlines(f.polys); err != nil {
			f.wrong("%s", withoutPrefix(err))
		}
	}
	return Segmentation{Polygons: f.polys}, nil
}

// outline reads [x, y, ...].
func (f *fileReader) outline() error {
	err := f.s.Array(func(int) (err error) {
		if kind := f.s.Peek(); kind != jsonscan.Number || f.s.NotFinite() {
			f.wrong("%v where a coordinate is expected: want [x, y, x, y, ...]", what(kind))
			return f.s.SkipPython()
		}
		f.numbers, err = f.s.MoreFloats(f.numbers)
		return err
	})
	f.ends = append(f.ends, len(f.numbers))
	return err
}

// what words a value that is not a coordinate.
func what(kind jsonscan.Kind) string {
	if kind == jsonscan.Number {
		return "NaN or Infinity"
	}
	return kind.String()
}

// runLengths reads {"size": [h, w], "counts": ...}.
func (f *fileReader) runLengths() error {
	var size []float64
	haveCounts := false
	f.rle = CompressedRLE{}
	err := f.s.Object(func(key []byte) (err error) {
		switch {
		case string(key) == "size" && f.s.Peek() == jsonscan.Array:
			size, err = f.sides(size[:0])
		case string(key) == "counts":
			haveCounts = true
			err = f.readCounts()
		default:
			err = f.s.SkipPython()
		}
		return err
	})
	if err != nil {
		return err
	}
	if !haveCounts {
		f.wrong("an RLE without \"counts\"")
		return nil
	}
	if len(size) != 2 || size[0] != math.Trunc(size[0]) || size[1] != math.Trunc(size[1]) || !(size[0]*size[1] <= maxMaskPixels) || size[0] < 0 || size[1] < 0 {
		f.wrong("an RLE of size %v, it must be [height, width]", size)
		return nil
	}
	f.rle = CompressedRLE{Height: int(size[0]), Width: int(size[1]), Counts: string(f.counts)}
	if err := (RLE{Height: f.rle.Height, Width: f.rle.Width, Counts: f.runs}).Validate(); err != nil && f.problem == "" {
		f.wrong("%s", withoutPrefix(err))
	}
	return nil
}

// sizeNumbers are more than a size has: what follows is not kept.
const sizeNumbers = 3

// sides reads the size of an RLE.
func (f *fileReader) sides(size []float64) ([]float64, error) {
	err := f.s.Array(func(int) error {
		if f.s.Peek() != jsonscan.Number || f.s.NotFinite() || len(size) == sizeNumbers {
			size = append(size, math.NaN())[:min(len(size)+1, sizeNumbers)]
			return f.s.SkipPython()
		}
		v, err := f.s.Float()
		size = append(size, v)
		return err
	})
	return size, err
}

// readCounts reads run lengths in either form.
func (f *fileReader) readCounts() (err error) {
	f.runs, f.counts = f.runs[:0], f.counts[:0]
	switch kind := f.s.Peek(); kind {
	case jsonscan.String:
		text, err := f.s.Bytes()
		if err != nil {
			return err
		}
		f.counts = append(f.counts, text...)
		runs, err := parseCounts(f.runs, f.counts)
		if err != nil {
			f.wrong("%s", withoutPrefix(err))
			return nil
		}
		f.runs = runs
		return nil
	case jsonscan.Array:
	default:
		f.wrong("%v for the counts of an RLE", kind)
		return f.s.SkipPython()
	}
	err = f.s.Array(func(i int) error {
		if kind := f.s.Peek(); kind != jsonscan.Number || f.s.NotFinite() {
			f.wrong("%v for run %d of an RLE", what(kind), i)
			return f.s.SkipPython()
		}
		n, text, err := f.s.Integer()
		if err == nil && (text != "" || n < 0 || n > math.MaxUint32) {
			f.wrong("malformed RLE, run %d has length %s", i, cmp.Or(text, strconv.FormatInt(n, 10)))
			return nil
		}
		f.runs = append(f.runs, uint32(n))
		return err
	})
	f.counts = appendCounts(f.counts[:0], f.runs)
	return err
}
