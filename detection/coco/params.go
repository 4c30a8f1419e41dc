package coco

import (
	"fmt"
	"math"
	"slices"
)

// IoUType tells what is compared: boxes or masks.
type IoUType string

// The kinds of scores.
const (
	BBox IoUType = "bbox"
	Segm IoUType = "segm"
)

// AreaRange is a range of object areas in pixels, both ends included.
type AreaRange struct {
	Label    string // all, small, medium and large appear in the printed summary
	Min, Max float64
}

// Params says how detections are scored. The zero value of a field stands for its
// default, which is COCO's; K, T, R, A and M are the sizes of the arrays in an
// Evaluation.
type Params struct {
	IoUThresholds    []float64   // T of them; .5, .55, ..., .95
	RecallThresholds []float64   // R of them, rising; 0, .01, ..., 1
	Areas            []AreaRange // A of them; all, small (to 32²), medium (to 96²), large
	MaxDets          []int       // M of them: most detections of an image and category that count; 1, 10, 100
	// CategoryAgnostic ignores what category a detection has: K is 1. It is
	// pycocotools' useCats = 0.
	CategoryAgnostic bool
	ImageIDs         []int64 // images to score; all
	CategoryIDs      []int64 // categories to score, K of them; all
}

// DefaultAreas are COCO's area ranges.
func DefaultAreas() []AreaRange {
	const small, medium, all = 32 * 32, 96 * 96, 1e5 * 1e5
	return []AreaRange{{"all", 0, all}, {"small", 0, small}, {"medium", small, medium}, {"large", medium, all}}
}

// resolve fills in defaults, sorts what pycocotools sorts, and checks the values.
func (p Params) resolve(d *Dataset) (Params, error) {
	if p.IoUThresholds == nil {
		p.IoUThresholds = linspace(.5, .95, 10)
	}
	if p.RecallThresholds == nil {
		p.RecallThresholds = linspace(0, 1, 101)
	}
	if p.Areas == nil {
		p.Areas = DefaultAreas()
	}
	if p.MaxDets == nil {
		p.MaxDets = []int{1, 10, 100}
	}
	p.MaxDets = slices.Sorted(slices.Values(p.MaxDets))
	if p.ImageIDs == nil {
		for _, img := range d.Images {
			p.ImageIDs = append(p.ImageIDs, img.ID)
		}
	}
	p.ImageIDs = d.ids.sorted(p.ImageIDs)
	if p.CategoryIDs == nil {
		for _, c := range d.Categories {
			p.CategoryIDs = append(p.CategoryIDs, c.ID)
		}
		slices.SortFunc(p.CategoryIDs, d.ids.compare)
	}
	if !p.CategoryAgnostic {
		p.CategoryIDs = d.ids.sorted(p.CategoryIDs)
	}
	return p, p.validate(d)
}

func (p Params) validate(d *Dataset) error {
	if len(p.IoUThresholds) == 0 || len(p.RecallThresholds) == 0 || len(p.Areas) == 0 || len(p.MaxDets) == 0 {
		return fmt.Errorf("coco: scoring takes at least one IoU threshold, recall threshold, area range and maxDets")
	}
	for _, t := range slices.Concat(p.IoUThresholds, p.RecallThresholds) {
		if !(t >= 0 && t <= 1) {
			return fmt.Errorf("coco: threshold %v, it must lie between 0 and 1", t)
		}
	}
	if !slices.IsSorted(p.RecallThresholds) {
		return fmt.Errorf("coco: the recall thresholds %v must rise", p.RecallThresholds)
	}
	for _, a := range p.Areas {
		if math.IsNaN(a.Min) || math.IsNaN(a.Max) || a.Min > a.Max {
			return fmt.Errorf("coco: area range %q from %v to %v is empty", a.Label, a.Min, a.Max)
		}
	}
	if p.MaxDets[0] < 1 {
		return fmt.Errorf("coco: maxDets %d, it must be 1 at least", p.MaxDets[0])
	}
	for _, id := range p.ImageIDs {
		if _, ok := d.Image(id); !ok {
			return fmt.Errorf("coco: image %d is to be scored, but it is not in the dataset", id)
		}
	}
	for i, id := range p.CategoryIDs {
		if slices.Contains(p.CategoryIDs[:i], id) {
			return fmt.Errorf("coco: category %d is to be scored twice", id)
		}
		if _, ok := d.Category(id); !ok {
			return fmt.Errorf("coco: category %d is to be scored, but it is not in the dataset", id)
		}
	}
	return nil
}
