package coco

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// Curves are over the first area range and the largest maxDets: with the default
// parameters all objects and 100 detections.

// curvePoint is the mean over the categories that have objects of precision and
// score, or -1.
func (e *Evaluation) curvePoint(t, r int) (precision, score float64) {
	m := len(e.Params.MaxDets) - 1
	var precisions, scores []float64
	for k := range e.Categories {
		at := e.precisionAt(t, r, k, 0, m)
		precisions, scores = append(precisions, e.Precision[at]), append(scores, e.Scores[at])
	}
	return mean(precisions), mean(scores)
}

// WriteCurves writes precision against recall as CSV, in full precision:
//
//	category_id,category,iou,recall,precision,score
//
// First the mean of all categories, without id and named "mean", then each
// category that has objects. score is that at which the recall is reached, 0 where
// it never is.
func (e *Evaluation) WriteCurves(w io.Writer) error {
	out := csv.NewWriter(w)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	row := func(id, name string, t, r int, precision, score float64) {
		out.Write([]string{id, name, number(e.Params.IoUThresholds[t]), number(e.Params.RecallThresholds[r]), number(precision), number(score)})
	}
	out.Write([]string{"category_id", "category", "iou", "recall", "precision", "score"})
	for t := range e.Params.IoUThresholds {
		for r := range e.Params.RecallThresholds {
			precision, score := e.curvePoint(t, r)
			row("", "mean", t, r, precision, score)
		}
	}
	for k, c := range e.Categories {
		if e.Positives[k*len(e.Params.Areas)] == 0 {
			continue
		}
		for t := range e.Params.IoUThresholds {
			for r := range e.Params.RecallThresholds {
				at := e.precisionAt(t, r, k, 0, len(e.Params.MaxDets)-1)
				row(strconv.FormatInt(c.ID, 10), c.Name, t, r, e.Precision[at], e.Scores[at])
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	return nil
}
