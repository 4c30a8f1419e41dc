package detect

import (
	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Decisions gives what a training step decides between its layers, under names of the
// recordings, for images, sizes and feeds of objects as Train has them.
func Decisions(s builders.Scope, c Config, image, sizes, boxes, classes, masks, rpnKeys, roiKeys *onnxgraph.Value) map[string]*onnxgraph.Value {
	m := New(s, c)
	o := objects{boxes: boxes, classes: classes, masks: masks, present: op.GreaterOrEqual(classes, op.Scalar(classes, 0))}
	maps := m.pyramid.Forward(image, builders.DropPath{})
	r := m.rpn.forwardLevels(c, maps)
	anchors := r.sample(c, o, rpnKeys)
	p := r.proposals(c, sizes, false)
	roi := sampleRegions(c, p, o, roiKeys)
	pooled := c.pool(maps, roi.boxes, c.BoxPool)
	logits, deltas := m.box.forward(pooled)
	return map[string]*onnxgraph.Value{
		"rpn/logits": op.Concat(1, r.logits...), "rpn/deltas": op.Concat(1, r.deltas...), "rpn/anchors": op.Concat(0, r.anchors...),
		"rpn/sampled": anchors.at, "rpn/foreground": op.Cast(anchors.foreground, onnxgraph.Int64),
		"proposals": p.boxes, "proposal_logits": p.scores, "proposals_present": op.Cast(p.present, onnxgraph.Int64),
		"roi/boxes": roi.boxes, "roi/sampled": roi.at, "roi/classes": roi.classes, "roi/used": op.Cast(roi.used, onnxgraph.Int64),
		"roi/pooled": pooled, "roi/logits": logits, "roi/deltas": op.Reshape(deltas, roi.boxes.Shape[0]*roi.boxes.Shape[1], -1),
	}
}
