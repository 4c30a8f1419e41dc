package detect

import (
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// Detector is a Mask R-CNN, under detectron2's parameter names.
type Detector struct {
	config  Config
	pyramid Pyramid
	rpn     *rpnHead
	box     *boxHead
	mask    *maskHead
}

// New makes the parameters.
func New(s builders.Scope, c Config) *Detector {
	return &Detector{
		config:  c,
		pyramid: NewPyramid(s, c),
		rpn:     newRPNHead(s.Sub("proposal_generator.rpn_head"), c),
		box:     newBoxHead(s.Sub("roi_heads"), c),
		mask:    newMaskHead(s.Sub("roi_heads"), c),
	}
}

// Feeds of a detector's step, beside builders.DropPathFeed. N counts images of side H, G
// is the largest number of objects of an image of the batch, 1 at least, A counts anchors,
// R proposals.
const (
	ImageFeed   = "image"      // float [N 3 H H], normalised; images begin in the upper left corner, the rest is 0
	SizesFeed   = "sizes"      // float [N 1 4], width, height, width, height of each image inside the square
	BoxesFeed   = "gt_boxes"   // float [N G 4], x1 y1 x2 y2 of the objects in pixels of the square
	ClassesFeed = "gt_classes" // int64 [N G], from 0; -1 where an image has fewer objects
	MasksFeed   = "gt_masks"   // float [N·G 1 H H], 0 and 1; the last row and column of an image are repeated outside of it
	RPNKeysFeed = "rpn_keys"   // float [N A], uniform in (0, 1): the sampled anchors have the largest
	RoIKeysFeed = "roi_keys"   // float [N R+G], uniform in (0, 1): the same of proposals, then objects
)

// objects are the annotated ones of a batch, as the feeds have them.
type objects struct {
	boxes, classes, masks *onnxgraph.Value
	present               *onnxgraph.Value // bool [N G]
}

// Train adds what a step trains a detector with: the feeds, and the sum of the five
// losses.
func Train(d *builders.Draft, c Config) {
	m := New(d.Params(""), c)
	n, side, proposals := c.Batch, c.ImageSize, c.Proposals(false)
	const dynamic = onnxgraph.Dynamic
	image := d.Feed(ImageFeed, onnxgraph.Float32, step.Normal, n, 3, side, side)
	sizes := d.Feed(SizesFeed, onnxgraph.Float32, step.Extent, n, 1, 4)
	o := objects{
		boxes:   d.Feed(BoxesFeed, onnxgraph.Float32, step.Boxes, n, dynamic, 4).NameDims("", "objects", ""),
		classes: d.Feed(ClassesFeed, onnxgraph.Int64, step.Indices, n, dynamic).NameDims("", "objects"),
		masks:   d.FeedAs(MasksFeed, onnxgraph.Float32, step.Ones, []int{n, 1, side, side}, dynamic, 1, side, side).NameDims("images_objects", "", "", ""),
	}
	rpnKeys := d.Feed(RPNKeysFeed, onnxgraph.Float32, step.Uniform, n, c.Anchors())
	roiKeys := d.FeedAs(RoIKeysFeed, onnxgraph.Float32, step.Uniform, []int{n, proposals + 1}, n, dynamic).NameDims("", "proposals_objects")
	drop := d.DropPath(c.DropPath, c.Depth, n)
	o.present = op.GreaterOrEqual(o.classes, op.Scalar(o.classes, 0))

	maps := m.pyramid.Forward(image, drop)
	r := m.rpn.forwardLevels(c, maps)
	rpnClass, rpnBox := r.losses(c, r.sample(c, o, rpnKeys), o.boxes)
	class, box, mask := m.headLosses(maps, r.proposals(c, sizes, false), o, roiKeys)
	d.Minimise(op.Sum(class, box, mask, rpnClass, rpnBox),
		builders.Metric{Name: LossClass, Value: class}, builders.Metric{Name: LossBox, Value: box}, builders.Metric{Name: LossMask, Value: mask},
		builders.Metric{Name: LossRPNClass, Value: rpnClass}, builders.Metric{Name: LossRPNBox, Value: rpnBox})
}

// sample draws the anchors of the RPN's losses.
func (r *rpn) sample(c Config, o objects, keys *onnxgraph.Value) samples {
	defer keys.Graph().Scope("rpn_samples")()
	anchors := op.Unsqueeze(op.Concat(0, r.anchors...), 0)
	matcher := Matcher{Background: c.RPNIoU[0], Foreground: c.RPNIoU[1], BestOfObject: true}
	match := matcher.Match(IoU(o.boxes, anchors), o.present)
	return match.draw(keys, nil, c.RPNBatch, quota(c.RPNBatch, c.RPNPositive), c.Anchors())
}

// roiSamples are the regions of the heads' losses.
type roiSamples struct {
	samples
	boxes   *onnxgraph.Value // [N count 4]
	classes *onnxgraph.Value // int64 [N count]; the number of classes is the background
}

// sampleRegions draws among the proposals and the objects' own boxes.
func sampleRegions(c Config, p regions, o objects, keys *onnxgraph.Value) roiSamples {
	defer keys.Graph().Scope("roi_samples")()
	candidates, present := op.Concat(1, p.boxes, o.boxes), op.Concat(1, p.present, o.present)
	match := Matcher{Background: c.RoIIoU, Foreground: c.RoIIoU}.Match(IoU(o.boxes, candidates), o.present)
	s := roiSamples{samples: match.draw(keys, present, c.RoIBatch, quota(c.RoIBatch, c.RoIPositive), c.Proposals(false)+1)}
	s.boxes = orUnit(s.used, op.GatherND(candidates, op.Unsqueeze(s.at, 2), 1))
	s.classes = op.Where(s.foreground, op.GatherElements(o.classes, s.object, 1), op.Scalar(o.classes, float64(c.Classes)))
	return s
}

// headLosses are those of the box head and of the mask head. Foreground comes first in
// an image's samples, so that the mask head takes the first ones.
func (m *Detector) headLosses(maps []*onnxgraph.Value, p regions, o objects, keys *onnxgraph.Value) (class, box, mask *onnxgraph.Value) {
	c := m.config
	s := sampleRegions(c, p, o, keys)
	logits, deltas := m.box.forward(c.pool(maps, s.boxes, c.BoxPool))
	class, box = boxLosses(c, logits, deltas, s.samples, s.boxes, s.classes, o.boxes)

	first := func(v *onnxgraph.Value) *onnxgraph.Value { return op.Slice(v, 1, 0, quota(c.RoIBatch, c.RoIPositive)) }
	boxes, object := first(s.boxes), first(s.object)
	foreground := op.Reshape(first(s.foreground), -1)
	of := op.Reshape(first(s.classes), -1)
	of = op.Where(foreground, of, op.Scalar(of, 0))
	drawn := m.mask.forward(c.pool(maps, boxes, c.MaskPool), of)
	targets := MaskTargets(o.masks, boxes, object, 2*c.MaskPool)
	return class, box, maskLoss(drawn, targets, foreground)
}
