package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// regions are boxes [N R 4] of which some may be absent: then they are unit squares.
type regions struct {
	boxes   *onnxgraph.Value
	scores  *onnxgraph.Value // [N R], best first
	present *onnxgraph.Value // bool [N R]
}

// absent is the score of what is not a candidate, below all others.
const absent = -1e30

// proposals are the boxes that the heads look at: of each level the best anchors,
// decoded, clipped to the image, those that the others of their level do not suppress,
// and of all levels the best (detectron2's find_top_rpn_proposals). Nothing flows back
// through them.
func (r *rpn) proposals(c Config, sizes *onnxgraph.Value, inference bool) regions {
	defer sizes.Graph().Scope("proposals")()
	levels, most := len(c.Strides), 0
	for _, logits := range r.logits {
		most = max(most, min(c.RPNPreTopK[phase(inference)], logits.Shape[1]))
	}
	var boxes, scores []*onnxgraph.Value
	for i := range r.logits {
		k := min(c.RPNPreTopK[phase(inference)], r.logits[i].Shape[1])
		score, at := op.TopK(op.StopGradient(r.logits[i]), k, 1)
		deltas := op.GatherND(op.StopGradient(r.deltas[i]), op.Unsqueeze(at, 2), 1)
		box := Clip(coder(c.RPNWeights).Decode(deltas, op.Gather(r.anchors[i], at, 0)), sizes)
		score = op.Where(NonEmpty(box), score, op.Scalar(score, absent))
		boxes = append(boxes, op.Pad(box, []int{0, 0, 0, 0, most - k, 0}, 0))
		scores = append(scores, op.Pad(score, []int{0, 0, 0, most - k}, absent))
	}
	all := regions{boxes: op.Concat(1, boxes...), scores: op.Concat(1, scores...)}
	return all.suppress(levels, c.Proposals(inference), c.RPNNMS, absent)
}

// suppress keeps the limit best of the boxes [N groups·k 4] with scores [N groups·k]
// above least that no better one of their group overlaps by more than a threshold.
func (r regions) suppress(groups, limit int, overlap, least float64) regions {
	best, at := r.kept(groups, limit, overlap, least)
	present := op.Greater(best, op.Scalar(best, least))
	return regions{
		boxes:   orUnit(present, op.GatherND(r.boxes, op.Unsqueeze(at, 2), 1)),
		scores:  best,
		present: present,
	}
}

// kept are the scores and the positions, [N limit], of what suppress keeps.
func (r regions) kept(groups, limit int, overlap, least float64) (best, at *onnxgraph.Value) {
	images, each := r.scores.Shape[0], r.scores.Shape[1]/groups
	scores := op.Reshape(r.scores, images*groups, 1, each)
	chosen := op.NonMaxSuppression(op.Reshape(r.boxes, images*groups, each, 4), scores, limit, overlap, least)
	places := op.Gather(chosen, op.Ints(chosen, 0, 2), 1)
	ones := op.ConstantOfShape(op.ShapeOf(chosen, 0, 1), onnxgraph.NewTensor([]int{1}, []float32{1}))
	kept := op.ScatterND(op.Fill(scores, 0, images*groups, each), places, ones, "none")
	kept = op.Reshape(kept, images, groups*each)
	return op.TopK(op.Where(op.Greater(kept, op.Scalar(kept, 0)), r.scores, op.Scalar(kept, absent)), limit, 1)
}

// orUnit puts the square 0 0 1 1 in place of boxes [N R 4] that are not present, bool
// [N R]: no logarithm of it is infinite.
func orUnit(present, boxes *onnxgraph.Value) *onnxgraph.Value {
	return op.Where(op.Unsqueeze(present, -1), boxes, op.Numbers(boxes, []float64{0, 0, 1, 1}, 4))
}
