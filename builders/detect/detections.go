package detect

import (
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Detections are what a detector finds, D for each image, best first. Those beyond Count
// are nothing: their score is 0.
type Detections struct {
	Boxes   *onnxgraph.Value // [N D 4], in pixels of the network's input
	Scores  *onnxgraph.Value // [N D]
	Classes *onnxgraph.Value // int64 [N D]
	Masks   *onnxgraph.Value // [N D side side], probabilities over each box
	Count   *onnxgraph.Value // int64 [N]
}

// Detect finds objects in images [N 3 H H], normalised, of sizes [N 1 4] inside their
// squares (detectron2's fast_rcnn_inference and mask_rcnn_inference).
func (m *Detector) Detect(images, sizes *onnxgraph.Value) Detections {
	c := m.config
	maps := m.pyramid.Forward(images, builders.DropPath{})
	p := m.rpn.forwardLevels(c, maps).proposals(c, sizes, true)
	logits, deltas := m.box.forward(c.pool(maps, p.boxes, c.BoxPool))
	found, classes := c.classify(p, logits, deltas, sizes)

	d := Detections{Boxes: found.boxes, Classes: classes}
	zero := op.Scalar(found.scores, 0)
	d.Scores = op.Where(found.present, found.scores, zero)
	d.Count = op.ReduceSum(op.Cast(found.present, onnxgraph.Int64), false, 1)
	n, count, side := images.Shape[0], found.scores.Shape[1], 2*c.MaskPool
	drawn := m.mask.forward(c.pool(maps, found.boxes, c.MaskPool), op.Reshape(classes, -1))
	d.Masks = op.Reshape(op.Sigmoid(drawn), n, count, side, side)
	return d
}

// classify makes each proposal a box of each class, and keeps the best that no better
// one of their class overlaps by too much. classes, int64 [N D], are 0 where nothing is.
func (c Config) classify(p regions, logits, deltas, sizes *onnxgraph.Value) (found regions, classes *onnxgraph.Value) {
	defer logits.Graph().Scope("detections")()
	n, r, k := p.boxes.Shape[0], p.boxes.Shape[1], c.Classes
	scores := op.Slice(op.Reshape(op.Softmax(logits, -1), n, r, k+1), 2, 0, k)
	scores = op.Where(op.Unsqueeze(p.present, 2), scores, op.Scalar(scores, 0))
	boxes := coder(c.RoIWeights).Decode(op.Reshape(deltas, n, r, -1, 4), op.Unsqueeze(p.boxes, 2))
	boxes = Clip(boxes, op.Unsqueeze(sizes, 2))
	if c.ClassAgnostic {
		boxes = op.Expand(boxes, n, r, k, 4)
	}
	all := regions{
		boxes:  op.Reshape(op.Transpose(boxes, 0, 2, 1, 3), n, k*r, 4),
		scores: op.Reshape(op.Transpose(scores, 0, 2, 1), n, k*r),
	}
	best, at := all.kept(k, min(c.Detections, k*r), c.NMS, c.ScoreThreshold)
	found = regions{scores: best, present: op.Greater(best, op.Scalar(best, c.ScoreThreshold))}
	found.boxes = orUnit(found.present, op.GatherND(all.boxes, op.Unsqueeze(at, 2), 1))
	classes = op.Where(found.present, op.Div(at, op.Scalar(at, float64(r))), op.Scalar(at, 0))
	return found, classes
}
