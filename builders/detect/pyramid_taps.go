package detect

import (
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// tapsPyramid is a plain ViT whose tokens after several blocks are scaled to the strides
// of a pyramid, and a feature pyramid network over them (arXiv 1612.03144; the protocol
// of MGC and iBOT).
type tapsPyramid struct {
	config Config
	vit    *builders.ViT
	scaled []*tapLevel
	// By level, finest first.
	lateral, output []*conv
}

// tapLevel scales the map of a tap.
type tapLevel struct {
	up       []*doubling
	norm     rowNorm // between two transposed convolutions
	halvings int
}

// rowNorm is a norm of rows [N C].
type rowNorm interface {
	Forward(x *onnxgraph.Value) *onnxgraph.Value
}

func newTapsPyramid(s builders.Scope, c Config) *tapsPyramid {
	net, vit := s.Sub("bottom_up"), c.ViTConfig
	vit.ImageSize = c.PretrainSize // which pos_embed is for
	p := &tapsPyramid{config: c}
	if c.TapNorm {
		p.vit = builders.NewViT(net, vit)
	} else {
		p.vit = builders.NewViTWithoutNorm(net, vit)
	}
	for i, stride := range c.Strides[:c.RoILevels] {
		level, next := net.Sub(fmt.Sprintf("fpn%d", i+1)), 0
		layer := func() builders.Scope { next++; return level.Sub(fmt.Sprint(next - 1)) }
		l := &tapLevel{}
		for scale := c.PatchSize / stride; scale > 1; scale /= 2 {
			if len(l.up) == 1 {
				if c.FPNNorm == NormBatch {
					l.norm = builders.NewBatchNorm(layer(), c.Dim, true)
				} else {
					l.norm = builders.NewLayerNorm(layer(), c.Dim)
				}
				layer() // GELU
			}
			l.up = append(l.up, newDoubling(layer(), c.Dim, c.Dim, byFanIn, biasByFanIn(c.Dim)))
		}
		if stride > c.PatchSize {
			l.halvings = stage(stride / c.PatchSize)
		}
		p.scaled = append(p.scaled, l)
	}
	for _, stride := range c.Strides[:c.RoILevels] {
		p.lateral = append(p.lateral, newConv(s.Sub(fmt.Sprintf("fpn_lateral%d", stage(stride))), c.Dim, c.FPN, 1, NormNone, xavierFill))
		p.output = append(p.output, newConv(s.Sub(fmt.Sprintf("fpn_output%d", stage(stride))), c.FPN, c.FPN, 3, NormNone, xavierFill))
	}
	return p
}

func (p *tapsPyramid) Forward(images *onnxgraph.Value, drop builders.DropPath) []*onnxgraph.Value {
	side := p.config.ImageSize / p.config.PatchSize
	leave := images.Graph().Scope("backbone")
	taps := p.vit.ForwardTaps(images, p.config.Taps, p.config.TapNorm, drop)
	leave()
	out := make([]*onnxgraph.Value, len(taps))
	var above *onnxgraph.Value // the coarser level's sum
	for i := len(taps) - 1; i >= 0; i-- {
		leave := images.Graph().Scope(fmt.Sprintf("p%d", stage(p.config.Strides[i])))
		sum := p.lateral[i].forward(p.scaled[i].forward(mapOfRows(taps[i], side, side))).CHW()
		if above != nil {
			sum = op.Add(sum, double(above))
		}
		above = sum
		out[i] = p.output[i].forward(mapOf(sum)).CHW()
		leave()
	}
	return p.config.withCoarsest(out)
}

func (l *tapLevel) forward(m *featureMap) *featureMap {
	for i, up := range l.up {
		if i > 0 {
			m = m.withRows(op.Gelu(l.norm.Forward(m.Rows())))
		}
		m = up.forward(m)
	}
	return halve(m, l.halvings)
}

// double repeats each pixel of x [N C H W] two by two.
func double(x *onnxgraph.Value) *onnxgraph.Value {
	c, h, w := x.Shape[1], x.Shape[2], x.Shape[3]
	y := op.Tile(op.Reshape(x, -1, c, h, 1, w, 1), 1, 1, 1, 2, 1, 2)
	return op.Reshape(y, -1, c, 2*h, 2*w)
}
