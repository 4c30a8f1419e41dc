package detect

import (
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// rpnHead tells at each position of a map how likely each anchor is an object and how
// its box differs from it (arXiv 1506.01497; detectron2's StandardRPNHead). All levels
// share it.
type rpnHead struct {
	convs          []*conv
	logits, deltas *conv // 1x1; channel = anchor·4 + coordinate
}

func newRPNHead(s builders.Scope, c Config) *rpnHead {
	h := &rpnHead{}
	for i := range c.RPNConvs {
		name := "conv"
		if c.RPNConvs > 1 {
			name = fmt.Sprintf("conv.conv%d", i)
		}
		h.convs = append(h.convs, newConv(s.Sub(name), c.FPN, c.FPN, 3, NormNone, builders.Gaussian(0.01)))
	}
	anchors := len(c.AnchorRatios)
	h.logits = newConv(s.Sub("objectness_logits"), c.FPN, anchors, 1, NormNone, builders.Gaussian(0.01))
	h.deltas = newConv(s.Sub("anchor_deltas"), c.FPN, 4*anchors, 1, NormNone, builders.Gaussian(0.01))
	return h
}

// forward gives the logits [N A] and the deltas [N A 4] of a level's A anchors, from its
// map [N C H W]. Both are one product, of which the result is put in the anchors' order:
// it has a few channels, the map has many.
func (h *rpnHead) forward(x *onnxgraph.Value) (logits, deltas *onnxgraph.Value) {
	m := mapOf(x)
	for _, c := range h.convs {
		m = relu(c.forward(m))
	}
	anchors, channels, positions := h.logits.weight.Shape[0], x.Shape[1], x.Shape[2]*x.Shape[3]
	w := op.Reshape(op.Concat(0, h.logits.weight.Value, h.deltas.weight.Value), -1, channels)
	b := op.Reshape(op.Concat(0, h.logits.bias.Value, h.deltas.bias.Value), -1, 1)
	y := op.Split(op.Add(op.MatMul(w, op.Reshape(m.CHW(), -1, channels, positions)), b), 1, anchors, 4*anchors)
	logits = op.Reshape(op.Transpose(y[0], 0, 2, 1), -1, positions*anchors)
	deltas = op.Reshape(op.Transpose(op.Reshape(y[1], -1, anchors, 4, positions), 0, 3, 1, 2), -1, positions*anchors, 4)
	return logits, deltas
}

// rpn is what the head says of all levels, by level and together.
type rpn struct {
	anchors, logits, deltas []*onnxgraph.Value // by level: [A 4], [N A], [N A 4]
}

func (h *rpnHead) forwardLevels(c Config, maps []*onnxgraph.Value) *rpn {
	g := maps[0].Graph()
	defer g.Scope("rpn")()
	var levels []AnchorLevel
	for i, x := range maps {
		levels = append(levels, AnchorLevel{Height: x.Shape[2], Width: x.Shape[3], Stride: c.Strides[i], Size: c.AnchorSizes[i]})
	}
	r := &rpn{anchors: Anchors(g, levels, c.AnchorRatios)}
	for _, x := range maps {
		logits, deltas := h.forward(x)
		r.logits, r.deltas = append(r.logits, logits), append(r.deltas, deltas)
	}
	return r
}
