package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// samples are the boxes that losses are taken over, count of each image: foreground
// first, at most a share of them, then background (detectron2's subsample_labels).
type samples struct {
	at         *onnxgraph.Value // int64 [N count], positions among the boxes; 0 where not used
	object     *onnxgraph.Value // int64 [N count], the box's object
	foreground *onnxgraph.Value // bool [N count]
	used       *onnxgraph.Value // bool [N count]: false where there are too few candidates
}

// draw samples by keys [N A], uniform in (0, 1): foreground and background with the
// largest keys. present, bool [N A], says which boxes there are; nil for all. known is the
// least number of boxes, where it is known only as the graph runs.
//
// A box's rank is 3 + key in the foreground's quota, 1 + key in the background, else 0,
// which leaves room for a key that rounds to 1.
func (m Match) draw(keys, present *onnxgraph.Value, count, positive, known int) samples {
	defer keys.Graph().Scope("sample")()
	foreground, background := m.Foreground, m.Background
	if present != nil {
		foreground, background = op.And(foreground, present), op.And(background, present)
	}
	number := func(v float64) *onnxgraph.Value { return op.Scalar(keys, v) }
	kind := op.Where(foreground, number(3), op.Where(background, number(1), number(0)))
	if missing := count - known; missing > 0 { // TopK takes no more than there are
		kind, keys = op.Pad(kind, []int{0, 0, 0, missing}, 0), op.Pad(keys, []int{0, 0, 0, missing}, 0)
	}
	ranks := op.Where(op.Less(kind, number(3)), op.Where(op.Less(kind, number(1)), number(0), op.Add(keys, number(1))), number(0))
	if positive > 0 {
		candidates := op.Where(op.Less(kind, number(3)), number(-1), keys)
		best, at := op.TopK(candidates, positive, 1)
		rank := op.Where(op.GreaterOrEqual(best, number(0)), op.Add(best, number(3)), op.GatherElements(ranks, at, 1))
		ranks = op.ScatterElements(ranks, at, rank, 1, "none")
	}
	rank, at := op.TopK(ranks, count, 1)
	used := op.GreaterOrEqual(rank, number(1))
	at = op.Where(used, at, op.Scalar(at, 0))
	return samples{
		at: at, object: op.GatherElements(m.Object, at, 1),
		foreground: op.GreaterOrEqual(rank, number(3)), used: used,
	}
}

// objectBoxes are the boxes [N count 4] of the samples' objects [N G 4], and where there
// is no object the samples' own, so that their deltas are zero.
func (s samples) objectBoxes(objects, own *onnxgraph.Value) *onnxgraph.Value {
	return op.Where(op.Unsqueeze(s.foreground, 2), op.GatherND(objects, op.Unsqueeze(s.object, 2), 1), own)
}
