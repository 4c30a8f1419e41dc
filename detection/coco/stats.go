package coco

import (
	"fmt"
	"strings"
)

// Stat is one of the twelve numbers that COCO's challenges report.
type Stat struct {
	Name    string // short: AP, AP50, ..., AR100, ...
	Recall  bool   // average recall, not precision
	IoU     string // as printed: a range or one threshold
	Area    string // label of the area range
	MaxDets int
	Value   float64 // -1 if nothing was there to be found
}

// Stats are the twelve numbers in their usual order.
type Stats [12]Stat

// minMaxDets is how many values of maxDets the twelve numbers speak of.
const minMaxDets = 3

// Stats computes the twelve numbers by pycocotools' summarize, which expects the
// default parameters: it takes at least three values of maxDets; a number whose
// threshold, area label or maxDets is not among the parameters is -1; and the
// first number is always at 100 detections.
func (e *Evaluation) Stats() (Stats, error) {
	dets := e.Params.MaxDets
	if len(dets) < minMaxDets {
		return Stats{}, fmt.Errorf("coco: the summary takes three values of maxDets such as 1, 10, 100, there are %v", dets)
	}
	const last = minMaxDets - 1
	return Stats{
		e.stat("AP", false, 0, "all", 100),
		e.stat("AP50", false, .5, "all", dets[last]),
		e.stat("AP75", false, .75, "all", dets[last]),
		e.stat("APs", false, 0, "small", dets[last]),
		e.stat("APm", false, 0, "medium", dets[last]),
		e.stat("APl", false, 0, "large", dets[last]),
		e.stat(fmt.Sprintf("AR%d", dets[0]), true, 0, "all", dets[0]),
		e.stat(fmt.Sprintf("AR%d", dets[1]), true, 0, "all", dets[1]),
		e.stat(fmt.Sprintf("AR%d", dets[last]), true, 0, "all", dets[last]),
		e.stat("ARs", true, 0, "small", dets[last]),
		e.stat("ARm", true, 0, "medium", dets[last]),
		e.stat("ARl", true, 0, "large", dets[last]),
	}, nil
}

// stat computes one number; threshold 0 stands for all.
func (e *Evaluation) stat(name string, recall bool, threshold float64, area string, maxDets int) Stat {
	p := e.Params
	s := selection{a: []int{}, m: []int{}}
	iou := fmt.Sprintf("%.2f:%.2f", p.IoUThresholds[0], p.IoUThresholds[len(p.IoUThresholds)-1])
	if threshold != 0 {
		iou = fmt.Sprintf("%.2f", threshold)
		s.t = indices(p.IoUThresholds, func(t float64) bool { return t == threshold })
	}
	s.a = indices(p.Areas, func(r AreaRange) bool { return r.Label == area })
	s.m = indices(p.MaxDets, func(n int) bool { return n == maxDets })
	value := e.averagePrecision
	if recall {
		value = e.averageRecall
	}
	return Stat{Name: name, Recall: recall, IoU: iou, Area: area, MaxDets: maxDets, Value: value(s)}
}

// indices lists where a condition holds; the result is not nil.
func indices[T any](values []T, holds func(T) bool) []int {
	at := []int{}
	for i, v := range values {
		if holds(v) {
			at = append(at, i)
		}
	}
	return at
}

// Values returns the numbers alone.
func (s Stats) Values() (v [12]float64) {
	for i := range s {
		v[i] = s[i].Value
	}
	return v
}

// String is the twelve lines that pycocotools prints.
func (s Stats) String() string {
	var b strings.Builder
	for _, line := range s {
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

// String is the line that pycocotools prints.
func (s Stat) String() string {
	title, kind := "Average Precision", "(AP)"
	if s.Recall {
		title, kind = "Average Recall", "(AR)"
	}
	return fmt.Sprintf(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f", title, kind, s.IoU, s.Area, s.MaxDets, s.Value)
}

// CategoryScore is a row of the table by category: means over all recall and IoU
// thresholds, or one of these, at the largest maxDets; -1 where there are no
// objects or no such threshold or area label.
type CategoryScore struct {
	Category                   Category
	Objects                    int // of any area, without crowds
	AP, AP50, AP75             float64
	APSmall, APMedium, APLarge float64
	AR                         float64
}

// PerCategory returns a row for each category.
func (e *Evaluation) PerCategory() []CategoryScore {
	p := e.Params
	last := []int{len(p.MaxDets) - 1}
	area := func(label string) []int {
		return indices(p.Areas, func(r AreaRange) bool { return r.Label == label })
	}
	at := func(threshold float64) []int {
		return indices(p.IoUThresholds, func(t float64) bool { return t == threshold })
	}
	var rows []CategoryScore
	for k, c := range e.Categories {
		ap := func(t, a []int) float64 { return e.averagePrecision(selection{t, []int{k}, a, last}) }
		row := CategoryScore{
			Category: c,
			AP:       ap(nil, area("all")), AP50: ap(at(.5), area("all")), AP75: ap(at(.75), area("all")),
			APSmall: ap(nil, area("small")), APMedium: ap(nil, area("medium")), APLarge: ap(nil, area("large")),
			AR: e.averageRecall(selection{nil, []int{k}, area("all"), last}),
		}
		for _, a := range area("all") {
			row.Objects = e.Positives[k*len(p.Areas)+a]
		}
		rows = append(rows, row)
	}
	return rows
}
