package detect

import (
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// boxHead tells the class of a pooled region and how its object's box differs from it
// (detectron2's FastRCNNConvFCHead and FastRCNNOutputLayers). The background is the
// last class.
type boxHead struct {
	convs          []*conv
	fcs            []*builders.Linear
	scores, deltas *builders.Linear
}

func newBoxHead(s builders.Scope, c Config) *boxHead {
	h := &boxHead{}
	head := s.Sub("box_head")
	for i := range c.BoxConvs {
		h.convs = append(h.convs, newConv(head.Sub(fmt.Sprintf("conv%d", i+1)), c.FPN, c.FPN, 3, c.HeadNorm, msraFill(c.FPN, 3)))
	}
	width := c.FPN * c.BoxPool * c.BoxPool
	for i, fc := range c.BoxFCs {
		h.fcs = append(h.fcs, builders.NewLinear(head.Sub(fmt.Sprintf("fc%d", i+1)), width, fc, true, xavierFill))
		width = fc
	}
	predictor, boxes := s.Sub("box_predictor"), c.Classes
	if c.ClassAgnostic {
		boxes = 1
	}
	h.scores = builders.NewLinear(predictor.Sub("cls_score"), width, c.Classes+1, true, builders.Gaussian(0.01))
	h.deltas = builders.NewLinear(predictor.Sub("bbox_pred"), width, 4*boxes, true, builders.Gaussian(0.001))
	return h
}

// forward gives the logits [R classes+1] and the deltas [R boxes 4], a box for each class
// or one for all, of regions x [R C size size].
func (h *boxHead) forward(x *onnxgraph.Value) (logits, deltas *onnxgraph.Value) {
	defer x.Graph().Scope("box_head")()
	m := mapOf(x)
	for _, c := range h.convs {
		m = relu(c.forward(m))
	}
	y := op.Reshape(m.CHW(), x.Shape[0], -1)
	for _, fc := range h.fcs {
		y = op.Relu(fc.Forward(y))
	}
	return h.scores.Forward(y), op.Reshape(h.deltas.Forward(y), x.Shape[0], -1, 4)
}
