package evaluation

import (
	"math"
	"slices"
)

// vote counts the queries that are classified rightly, for every k at once.
type vote struct {
	ks          []int // as asked for
	order       []int // indices of ks, fewest neighbours first
	temperature float64
	bank        []int // class of each image of the bank, 0 .. len(scores)-1
	queries     []int
	scores      []float64 // by class, of the query at hand; noVote where none of its neighbours is of the class
	top1, top5  []int     // by index of ks
}

// noVote is less than the score of any class that a neighbour voted for. Such a weight
// can round to 0, so 0 does not tell the two apart.
const noVote = -1

func newVote(ks []int, temperature float64, bank, queries []int) *vote {
	v := &vote{ks: ks, temperature: temperature, top1: make([]int, len(ks)), top5: make([]int, len(ks))}
	for i := range ks {
		v.order = append(v.order, i)
	}
	slices.SortFunc(v.order, func(a, b int) int { return ks[a] - ks[b] })
	// Labels may have holes: classes are the labels that occur, in their order.
	labels := slices.Concat(bank, queries)
	slices.Sort(labels)
	labels = slices.Compact(labels)
	v.scores = make([]float64, len(labels))
	class := func(label int) int {
		i, _ := slices.BinarySearch(labels, label)
		return i
	}
	for _, l := range bank {
		v.bank = append(v.bank, class(l))
	}
	for _, l := range queries {
		v.queries = append(v.queries, class(l))
	}
	return v
}

// count lets the neighbours of a query vote, the nearest first.
func (v *vote) count(nearest []neighbour, query int) {
	for c := range v.scores {
		v.scores[c] = noVote
	}
	next := 0
	for _, i := range v.order {
		for ; next < min(v.ks[i], len(nearest)); next++ {
			// Relative to the nearest, so that no weight overflows; the factor is the same for all.
			weight := math.Exp((nearest[next].cosine - nearest[0].cosine) / v.temperature)
			class := v.bank[nearest[next].index]
			v.scores[class] = max(v.scores[class], 0) + weight
		}
		class := v.queries[query]
		switch rank := v.rank(class); {
		case v.scores[class] == noVote: // not ranked, even where fewer than five classes are
		case rank == 0:
			v.top1[i]++
			v.top5[i]++
		case rank < 5:
			v.top5[i]++
		}
	}
}

// rank is the number of classes in front of class.
func (v *vote) rank(class int) int {
	rank := 0
	for c, s := range v.scores {
		if s > v.scores[class] || s == v.scores[class] && c < class {
			rank++
		}
	}
	return rank
}

func (v *vote) accuracies(queries int) []Accuracy {
	out := make([]Accuracy, len(v.ks))
	for i, k := range v.ks {
		out[i] = Accuracy{K: k, Top1: float64(v.top1[i]) / float64(queries), Top5: float64(v.top5[i]) / float64(queries)}
	}
	return out
}
