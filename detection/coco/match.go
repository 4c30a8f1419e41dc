package coco

import (
	"math"
	"slices"
	"sync"
)

// verdict tells what a detection counts as, at one area range and IoU threshold.
type verdict byte

const (
	ignored       verdict = 0 // neither
	truePositive  verdict = 1
	falsePositive verdict = 2
)

// categoryTask is the evaluation of one category (or of all as one).
type categoryTask struct {
	*task
	k     int
	cells []cell

	// The D detections that count, surest first: score and rank among those of its
	// image. verdicts is [AxDxT].
	scores   []float64
	ranks    []int32
	verdicts []verdict
	gtRefs   []int32
}

// cell holds what one image has of a category.
type cell struct {
	gts []int32 // annotations, in file order
	dts []int32 // results, surest first
	at  []int32 // their positions among the D detections
}

// category sets up the evaluation of category k: it sorts all detections by
// falling score, stably as pycocotools' mergesort does, and cuts each image's to
// the largest maxDets. Sorting an image's detections first and the category's
// after, as pycocotools does, leads to the same order.
func (in *task) category(k int) *categoryTask {
	c := &categoryTask{task: in, k: k}
	c.gtRefs = in.gts.refs[in.gts.firstOf[k]:in.gts.firstOf[k+1]]
	gtImage := in.gts.image[in.gts.firstOf[k]:in.gts.firstOf[k+1]]
	dtRefs := in.dts.refs[in.dts.firstOf[k]:in.dts.firstOf[k+1]]
	dtImage := in.dts.image[in.dts.firstOf[k]:in.dts.firstOf[k+1]]

	type entry struct {
		score         float64
		at, ref, cell int32
	}
	entries := make([]entry, len(dtRefs))
	for g, d := 0, 0; g < len(gtImage) || d < len(dtImage); {
		image := int32(math.MaxInt32)
		if g < len(gtImage) {
			image = gtImage[g]
		}
		if d < len(dtImage) {
			image = min(image, dtImage[d])
		}
		firstGt, firstDt := g, d
		for g < len(gtImage) && gtImage[g] == image {
			g++
		}
		for ; d < len(dtImage) && dtImage[d] == image; d++ {
			entries[d] = entry{in.results[dtRefs[d]].Score, int32(d), dtRefs[d], int32(len(c.cells))}
		}
		kept := min(d-firstDt, in.params.MaxDets[len(in.params.MaxDets)-1])
		c.cells = append(c.cells, cell{gts: c.gtRefs[firstGt:g], dts: make([]int32, 0, kept), at: make([]int32, 0, kept)})
	}

	slices.SortFunc(entries, func(a, b entry) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return int(a.at - b.at)
	})
	c.scores = make([]float64, 0, len(entries))
	c.ranks = make([]int32, 0, len(entries))
	for _, e := range entries {
		cell := &c.cells[e.cell]
		rank := len(cell.dts)
		if rank == cap(cell.dts) {
			continue
		}
		cell.dts = append(cell.dts, e.ref)
		cell.at = append(cell.at, int32(len(c.scores)))
		c.scores = append(c.scores, e.score)
		c.ranks = append(c.ranks, int32(rank))
	}
	c.verdicts = make([]verdict, len(in.params.Areas)*len(c.scores)*len(in.params.IoUThresholds))
	return c
}

// match fills in the verdicts, image by image.
func (c *categoryTask) match(workers *pool) error {
	const chunk = 64 // images; a few hundred microseconds of work
	return workers.each((len(c.cells)+chunk-1)/chunk, func(i int) error {
		m := matchers.Get().(*matcher)
		defer matchers.Put(m)
		for _, cell := range c.cells[i*chunk : min((i+1)*chunk, len(c.cells))] {
			if len(cell.dts) == 0 {
				continue
			}
			if err := m.compare(c, cell); err != nil {
				return err
			}
			for a := range c.params.Areas {
				m.assign(c, cell, a)
			}
		}
		return nil
	})
}

// matcher matches the detections of one image; its buffers serve many.
type matcher struct {
	maskers  masker
	gt       []spans
	dt       spans
	gtCounts [][]uint32

	// pairs lists the ground truths that a detection overlaps enough for the lowest
	// threshold, in file order: those of detection d are
	// pairs[firstOf[d]:firstOf[d+1]]. sorted is the same with the ignored ones last.
	pairs, sorted []pair
	firstOf       []int

	rivals  []int  // the detections that have any pairs
	ignore  []bool // [G]
	matched []bool // [G]
}

type pair struct {
	gt  int32
	iou float64
}

var matchers = sync.Pool{New: func() any { return new(matcher) }}

// maxThreshold keeps a threshold of 1 within reach of rounding, as in cocoeval.
const maxThreshold = 1 - 1e-10

// compare computes the overlaps of an image.
func (m *matcher) compare(c *categoryTask, cell cell) error {
	m.pairs, m.firstOf = m.pairs[:0], append(m.firstOf[:0], 0)
	lowest := min(slices.Min(c.params.IoUThresholds), maxThreshold)
	if c.typ == Segm && len(cell.gts) > 0 {
		if err := m.drawGroundTruth(c.task, cell.gts); err != nil {
			return err
		}
	}
	for _, ref := range cell.dts {
		drawn := false // the mask of the detection, in m.dt
		for g, gtRef := range cell.gts {
			a := &c.gt.Annotations[gtRef]
			var iou float64
			if c.typ == BBox {
				iou = boxIoU(c.box(ref), &a.Box, a.Crowd)
			} else {
				if !drawn {
					mask := &c.results[ref].mask
					if box := mask.xywh(); mask.known && boxIoU(&box, &m.gt[g].box, false) <= 0 {
						continue // as spansIoU would find out
					}
					runs, err := c.resultRuns(&m.maskers, int(ref))
					if err != nil {
						return err
					}
					m.dt.set(runs.Height, runs.Width, runs.Counts)
					drawn = true
				}
				iou = spansIoU(&m.dt, &m.gt[g], a.Crowd)
			}
			if iou >= lowest {
				m.pairs = append(m.pairs, pair{int32(g), iou})
			}
		}
		m.firstOf = append(m.firstOf, len(m.pairs))
	}
	return nil
}

// drawGroundTruth prepares the masks of an image's annotations.
func (m *matcher) drawGroundTruth(in *task, gts []int32) error {
	m.gt, m.gtCounts = grow(m.gt, len(gts)), grow(m.gtCounts, len(gts))
	for g, ref := range gts {
		runs, err := in.annotationRuns(&m.maskers, int(ref))
		if err != nil {
			return err
		}
		m.gtCounts[g] = append(m.gtCounts[g][:0], runs.Counts...)
		m.gt[g].set(runs.Height, runs.Width, m.gtCounts[g])
	}
	return nil
}

// grow returns a slice of length n that keeps the elements of s with their buffers.
func grow[T any](s []T, n int) []T {
	if n > cap(s) {
		s = append(s[:cap(s)], make([]T, n-cap(s))...)
	}
	return s[:n]
}

// assign matches detections to ground truths at one area range, by cocoeval's
// greedy rule.
func (m *matcher) assign(c *categoryTask, cell cell, area int) {
	r := c.params.Areas[area]
	outside := func(v float64) bool { return v < r.Min || v > r.Max }
	m.ignore = grow(m.ignore, len(cell.gts))
	for g, ref := range cell.gts {
		a := &c.gt.Annotations[ref]
		m.ignore[g] = a.Crowd || outside(a.Area)
	}
	m.sorted = m.sorted[:0]
	for d := range cell.dts {
		of := m.pairs[m.firstOf[d]:m.firstOf[d+1]]
		for _, last := range []bool{false, true} {
			for _, p := range of {
				if m.ignore[p.gt] == last {
					m.sorted = append(m.sorted, p)
				}
			}
		}
	}

	thresholds := len(c.params.IoUThresholds)
	verdicts := c.verdicts[area*len(c.scores)*thresholds:]
	row := func(d int) []verdict {
		at := int(cell.at[d]) * thresholds
		return verdicts[at : at+thresholds]
	}
	m.rivals = m.rivals[:0]
	for d, ref := range cell.dts {
		v := falsePositive
		if outside(c.dtArea[ref]) {
			v = ignored
		}
		for t := range row(d) {
			row(d)[t] = v // unless there is a match
		}
		if m.firstOf[d] < m.firstOf[d+1] {
			m.rivals = append(m.rivals, d)
		}
	}

	m.matched = grow(m.matched, len(cell.gts))
	for t, threshold := range c.params.IoUThresholds {
		clear(m.matched)
		for _, d := range m.rivals {
			best := m.best(c, cell, m.sorted[m.firstOf[d]:m.firstOf[d+1]], threshold)
			if best < 0 {
				continue
			}
			m.matched[best] = true
			switch {
			case m.ignore[best]:
				row(d)[t] = ignored
			case c.gt.Annotations[cell.gts[best]].ID != 0:
				row(d)[t] = truePositive
			}
			// The rest is cocoeval's: it stores the id of the match, and 0 stands for
			// no match.
		}
	}
}

// best picks the ground truth for a detection, or -1: the one with the largest
// overlap, the later of equal ones; an ignored one only if no other is good
// enough; one that is matched already only if it is a crowd.
func (m *matcher) best(c *categoryTask, cell cell, pairs []pair, threshold float64) int {
	iou, best := min(threshold, maxThreshold), -1
	for _, p := range pairs {
		g := int(p.gt)
		if m.matched[g] && !c.gt.Annotations[cell.gts[g]].Crowd {
			continue
		}
		if best >= 0 && !m.ignore[best] && m.ignore[g] {
			break
		}
		if p.iou < iou {
			continue
		}
		iou, best = p.iou, g
	}
	return best
}
