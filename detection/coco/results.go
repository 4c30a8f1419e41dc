package coco

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"pmx/detection/coco/internal/jsonscan"
)

// Result is one detection.
type Result struct {
	ImageID, CategoryID int64
	Score               float64
	// Box is the result's bbox; HasBox is false if it has none.
	Box          XYWH
	HasBox       bool
	Segmentation Segmentation

	mask maskSummary // of Segmentation, if known already

	// Where it was read, for messages.
	file   *string
	offset int64
}

// Types tells what can be scored of results, by the first of them: boxes, masks or
// both.
func (r Results) Types() (types []IoUType) {
	if len(r) == 0 || r[0].HasBox {
		types = append(types, BBox)
	}
	if len(r) > 0 && (!r[0].Segmentation.IsZero() || !r[0].HasBox) {
		types = append(types, Segm)
	}
	return types
}

// maskSummary is what scoring asks of every mask, so that most masks need not be
// unpacked again.
type maskSummary struct {
	known bool
	area  uint32
	box   [4]uint32 // of RLE.Box
}

func summarise(r RLE) maskSummary {
	b := r.Box()
	return maskSummary{true, r.Area(), [4]uint32{uint32(b[0]), uint32(b[1]), uint32(b[2]), uint32(b[3])}}
}

func (m *maskSummary) xywh() XYWH {
	return XYWH{float64(m.box[0]), float64(m.box[1]), float64(m.box[2]), float64(m.box[3])}
}

// Results are detections in file order, which decides between equal scores.
type Results []Result

var resultFields = []string{"image_id", "category_id", "score", "bbox", "segmentation"}

const resultSegmentation = 1 << 4

// ReadResults reads a results file: an array of objects with image_id,
// category_id, score, and bbox or segmentation or both.
func ReadResults(r io.Reader, o ReadOptions) (Results, error) {
	var (
		all  Results
		kept segmentationArena
	)
	err := ScanResults(r, o, func(one *Result) error {
		if o.BoxesOnly && one.HasBox {
			one.Segmentation, one.mask = Segmentation{}, maskSummary{}
		}
		kept.keep(&one.Segmentation)
		all = append(all, *one)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// ScanResults reads a results file and hands out its entries, in memory that does
// not grow with the file. An entry's segmentation is valid only during the call.
func ScanResults(r io.Reader, o ReadOptions, visit func(*Result) error) error {
	f := newFileReader(r, o)
	if f.s.Peek() == jsonscan.Object {
		return f.fail(errors.New("an object where an array is expected: this looks like an instances file, not a results file"))
	}
	err := f.entries("results", true, func() error {
		one := Result{file: &f.opts.File, offset: f.entry}
		seen, err := f.fields(resultFields, func(field int) (err error) {
			switch field {
			case 0:
				one.ImageID, err = f.id()
			case 1:
				one.CategoryID, err = f.id()
			case 2:
				one.Score, err = f.s.Float()
			case 3:
				one.Box, one.HasBox, err = f.box()
			case 4:
				if one.Segmentation, err = f.segmentation(); err == nil && one.Segmentation.RLE != nil {
					one.mask = summarise(RLE{Height: f.rle.Height, Width: f.rle.Width, Counts: f.runs})
				}
			}
			return err
		})
		if err == nil {
			err = f.require(resultFields, 3, seen)
		}
		if err == nil && one.HasBox && one.Segmentation.IsZero() && one.Segmentation.Problem == "" && (seen|f.nulls)&resultSegmentation != 0 {
			one.Segmentation.Problem = "an empty segmentation" // a box stands only for one that is not there
		}
		if err == nil && !one.HasBox && one.Segmentation.IsZero() && one.Segmentation.Problem == "" {
			err = f.failEntry("%s", noShape(one.Segmentation))
		}
		if err != nil {
			return err
		}
		return visit(&one)
	})
	if err == nil {
		err = f.fail(f.s.End())
	}
	return err
}

// fail is an error about result number i.
func (r *Result) fail(i int, err error) error {
	path := fmt.Sprintf("results[%d]", i)
	if r.file != nil {
		return &FormatError{File: *r.file, Offset: r.offset, Path: path, Err: err}
	}
	return fmt.Errorf("coco: %s: %s", path, withoutPrefix(err))
}

// finite tells whether a result can be compared with anything.
func (r *Result) finite() bool {
	sum := r.Score - r.Score
	for _, v := range r.Box {
		sum += v - v
	}
	return !math.IsNaN(sum)
}

// byScore lists indices of results by rising score.
func byScore(results Results) []int {
	order := make([]int, len(results))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(results[a].Score, results[b].Score) })
	return order
}
