package coco

import "math"

// epsilon is numpy.spacing(1), which cocoeval adds to denominators.
var epsilon = math.Nextafter(1, 2) - 1

// accumulate turns verdicts into precision, recall and scores of the category.
func (c *categoryTask) accumulate(workers *pool, out *Evaluation) error {
	return workers.each(len(c.params.Areas), func(a int) error {
		r := c.params.Areas[a]
		positives := 0
		for _, ref := range c.gtRefs {
			ann := &c.gt.Annotations[ref]
			if !ann.Crowd && ann.Area >= r.Min && ann.Area <= r.Max {
				positives++
			}
		}
		out.Positives[c.k*len(c.params.Areas)+a] = positives
		if positives == 0 {
			return nil // all stays absent
		}
		curve := newCurve(c.params, positives)
		for m, maxDets := range c.params.MaxDets {
			curve.follow(c, a, maxDets)
			curve.store(c, out, a, m)
		}
		return nil
	})
}

// curve follows precision against recall down the list of detections.
//
// After n detections, tp of them true and fp false positives, recall is
// tp/positives and precision tp/(tp+fp). Only the points at true positives are
// kept: between two of them recall stays and precision falls.
type curve struct {
	positives int
	// needed is the number of true positives at which each recall threshold is
	// reached [R]; 0 for thresholds that are reached before the first detection.
	needed []int

	counted   int // detections that count, ignored ones too
	first     int // position of the first of them
	found     []int
	wrong     []int
	precision [][]float64 // [T] and then one for each true positive
	position  [][]int32   // of that true positive among the detections
}

func newCurve(p Params, positives int) *curve {
	t := len(p.IoUThresholds)
	v := &curve{
		positives: positives, found: make([]int, t), wrong: make([]int, t),
		precision: make([][]float64, t), position: make([][]int32, t),
	}
	n := 0
	for _, threshold := range p.RecallThresholds {
		for float64(n)/float64(positives) < threshold {
			n++
		}
		v.needed = append(v.needed, n)
	}
	return v
}

// follow walks the detections that are among the maxDets surest of their image.
func (v *curve) follow(c *categoryTask, area, maxDets int) {
	v.counted = 0
	for t := range v.found {
		v.found[t], v.wrong[t] = 0, 0
		v.precision[t], v.position[t] = v.precision[t][:0], v.position[t][:0]
	}
	thresholds := len(v.found)
	rows := c.verdicts[area*len(c.ranks)*thresholds:]
	for d, rank := range c.ranks {
		if int(rank) >= maxDets {
			continue
		}
		if v.counted == 0 {
			v.first = d
		}
		v.counted++
		for t, verdict := range rows[d*thresholds : (d+1)*thresholds] {
			v.wrong[t] += int(verdict >> 1)
			if verdict != truePositive {
				continue
			}
			v.found[t]++
			tp, fp := float64(v.found[t]), float64(v.wrong[t])
			v.precision[t] = append(v.precision[t], tp/(fp+tp+epsilon))
			v.position[t] = append(v.position[t], int32(d))
		}
	}
}

// store writes the curve at the recall thresholds: the precision there is the
// largest at that or any higher recall.
func (v *curve) store(c *categoryTask, out *Evaluation, a, m int) {
	for t := range v.found {
		out.Recall[out.recallAt(t, c.k, a, m)] = float64(v.found[t]) / float64(v.positives)
		precision := v.precision[t]
		for i := len(precision) - 1; i > 0; i-- {
			precision[i-1] = max(precision[i-1], precision[i])
		}
		for r, n := range v.needed {
			var p, score float64
			switch {
			case n > len(precision) || v.counted == 0: // never reached
			case n == 0:
				score = c.scores[v.first]
				if len(precision) > 0 {
					p = precision[0]
				}
			default:
				p, score = precision[n-1], c.scores[v.position[t][n-1]]
			}
			at := out.precisionAt(t, r, c.k, a, m)
			out.Precision[at], out.Scores[at] = p, score
		}
	}
}
