package coco

import "slices"

// absent stands for a value that does not exist, such as the precision of a
// category without objects. It is -1 and not 0, and no mean counts it.
const absent = -1

// Evaluation is what scoring yields; its arrays are those of cocoeval's eval. T, R,
// K, A and M are the numbers of IoU thresholds, recall thresholds, categories,
// area ranges and maxDets. Entries are -1 where a category has no objects in an
// area range.
type Evaluation struct {
	ids *IDs // of Categories

	Type       IoUType
	Params     Params     // without zero values
	Categories []Category // K of them, by id; one with id -1 if category agnostic

	// Precision is [TxRxKxAxM]: the largest precision at that recall or a higher one.
	Precision []float64
	// Scores is [TxRxKxAxM]: the score at which that recall is reached.
	Scores []float64
	// Recall is [TxKxAxM]: the share of objects that are found.
	Recall []float64
	// Positives is [KxA]: the number of objects, without crowds.
	Positives []int
}

func newEvaluation(t IoUType, p Params, categories []Category) *Evaluation {
	e := &Evaluation{Type: t, Params: p, Categories: categories}
	perThreshold := len(categories) * len(p.Areas) * len(p.MaxDets)
	e.Recall = slices.Repeat([]float64{absent}, len(p.IoUThresholds)*perThreshold)
	e.Precision = slices.Repeat([]float64{absent}, len(p.RecallThresholds)*len(e.Recall))
	e.Scores = slices.Clone(e.Precision)
	e.Positives = make([]int, len(categories)*len(p.Areas))
	return e
}

func (e *Evaluation) recallAt(t, k, a, m int) int {
	return ((t*len(e.Categories)+k)*len(e.Params.Areas)+a)*len(e.Params.MaxDets) + m
}

func (e *Evaluation) precisionAt(t, r, k, a, m int) int {
	return (((t*len(e.Params.RecallThresholds)+r)*len(e.Categories)+k)*len(e.Params.Areas)+a)*len(e.Params.MaxDets) + m
}

// selection picks entries along each dimension; nil stands for all.
type selection struct{ t, k, a, m []int }

func (s selection) orAll(e *Evaluation) selection {
	all := func(picked []int, n int) []int {
		if picked != nil {
			return picked
		}
		out := make([]int, n)
		for i := range out {
			out[i] = i
		}
		return out
	}
	return selection{
		all(s.t, len(e.Params.IoUThresholds)), all(s.k, len(e.Categories)),
		all(s.a, len(e.Params.Areas)), all(s.m, len(e.Params.MaxDets)),
	}
}

// averagePrecision is the mean precision of a selection, in the order of [T, R, K,
// A, M].
func (e *Evaluation) averagePrecision(s selection) float64 {
	s = s.orAll(e)
	var values []float64
	for _, t := range s.t {
		for r := range e.Params.RecallThresholds {
			for _, k := range s.k {
				for _, a := range s.a {
					for _, m := range s.m {
						values = append(values, e.Precision[e.precisionAt(t, r, k, a, m)])
					}
				}
			}
		}
	}
	return mean(values)
}

// averageRecall is the mean recall of a selection, in the order of [T, K, A, M].
func (e *Evaluation) averageRecall(s selection) float64 {
	s = s.orAll(e)
	var values []float64
	for _, t := range s.t {
		for _, k := range s.k {
			for _, a := range s.a {
				for _, m := range s.m {
					values = append(values, e.Recall[e.recallAt(t, k, a, m)])
				}
			}
		}
	}
	return mean(values)
}
