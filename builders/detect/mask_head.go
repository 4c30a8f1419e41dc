package detect

import (
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// maskHead draws the object of a pooled region (detectron2's MaskRCNNConvUpsampleHead).
type maskHead struct {
	convs   []*conv
	up      *doubling
	predict *conv // 1x1, a map for each class
}

func newMaskHead(s builders.Scope, c Config) *maskHead {
	h := &maskHead{}
	head, in := s.Sub("mask_head"), c.FPN
	for i := range c.MaskConvs {
		h.convs = append(h.convs, newConv(head.Sub(fmt.Sprintf("mask_fcn%d", i+1)), in, c.MaskDim, 3, c.HeadNorm, msraFill(c.MaskDim, 3)))
		in = c.MaskDim
	}
	h.up = newDoubling(head.Sub("deconv"), in, c.MaskDim, msraFill(in, 2), builders.Zeros)
	h.predict = newConv(head.Sub("predictor"), c.MaskDim, c.Classes, 1, NormNone, builders.Gaussian(0.001))
	return h
}

// forward gives the logits [R 2·size 2·size] of regions x [R C size size] for a class of
// each, int64 [R]. Only that class's map is computed, by its own row of the predictor.
func (h *maskHead) forward(x, class *onnxgraph.Value) *onnxgraph.Value {
	defer x.Graph().Scope("mask_head")()
	m := mapOf(x)
	for _, c := range h.convs {
		m = relu(c.forward(m))
	}
	m = relu(h.up.forward(m))
	w := op.Gather(op.Reshape(h.predict.weight.Value, -1, m.channels()), class, 0)
	b := op.Gather(h.predict.bias.Value, class, 0)
	pixels := op.Reshape(m.Rows(), x.Shape[0], -1, m.channels())
	y := op.Add(op.MatMul(pixels, op.Unsqueeze(w, 2)), op.Unsqueeze(b, 1, 2))
	return op.Squeeze(m.withRows(op.Reshape(y, -1, 1)).CHW(), 1)
}
