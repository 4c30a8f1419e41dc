package detect

import (
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Pyramid is a ViT and the maps that are made of it, p2, p3, ... by their strides'
// logarithm.
type Pyramid interface {
	// Forward gives a map [N C H/stride W/stride] for each of Config.Strides, of images
	// [N 3 ImageSize ImageSize], normalised.
	Forward(images *onnxgraph.Value, drop builders.DropPath) []*onnxgraph.Value
}

// NewPyramid makes the parameters of a configuration's, under backbone.
func NewPyramid(s builders.Scope, c Config) Pyramid {
	if c.Backbone == BackboneTaps {
		return newTapsPyramid(s.Sub("backbone"), c)
	}
	return newSimplePyramid(s.Sub("backbone"), c)
}

// withCoarsest adds every second position of the last map, where a stride asks for it
// (detectron2's LastLevelMaxPool).
func (c Config) withCoarsest(maps []*onnxgraph.Value) []*onnxgraph.Value {
	if len(c.Strides) > len(maps) {
		last := maps[len(maps)-1]
		maps = append(maps, op.SliceN(last, []int{2, 3}, []int{0, 0}, []int{op.ToEnd, op.ToEnd}, []int{2, 2}))
	}
	return maps
}

// simplePyramid makes all levels of the last map of a ViT (detectron2's
// SimpleFeaturePyramid; arXiv 2203.16527, section 3).
type simplePyramid struct {
	config Config
	net    *builders.ViTDet
	levels []*simpleLevel
}

// simpleLevel scales the map by transposed convolutions or by max pooling, and takes it to
// the pyramid's channels.
type simpleLevel struct {
	up            []*doubling
	norm          *builders.LayerNorm // between two transposed convolutions
	halvings      int
	narrow, blend *conv
}

func newSimplePyramid(s builders.Scope, c Config) *simplePyramid {
	p := &simplePyramid{config: c, net: builders.NewViTDet(s.Sub("net"), c.vitdet())}
	for _, stride := range c.Strides[:c.RoILevels] {
		level, dim, next := s.Sub(fmt.Sprintf("simfp_%d", stage(stride))), c.Dim, 0
		layer := func() builders.Scope { next++; return level.Sub(fmt.Sprint(next - 1)) }
		l := &simpleLevel{}
		for scale := c.PatchSize / stride; scale > 1; scale /= 2 {
			if len(l.up) == 1 {
				l.norm = builders.NewLayerNorm(layer(), dim)
				layer() // GELU
			}
			l.up = append(l.up, newDoubling(layer(), dim, dim/2, byFanIn, biasByFanIn(dim/2)))
			dim /= 2
		}
		if stride > c.PatchSize {
			l.halvings = stage(stride / c.PatchSize)
			layer() // the max pool
		}
		l.narrow = newConv(layer(), dim, c.FPN, 1, NormLayer, byFanIn)
		l.blend = newConv(layer(), c.FPN, c.FPN, 3, NormLayer, byFanIn)
		p.levels = append(p.levels, l)
	}
	return p
}

func (p *simplePyramid) Forward(images *onnxgraph.Value, drop builders.DropPath) []*onnxgraph.Value {
	side := p.config.ImageSize / p.config.PatchSize
	leave := images.Graph().Scope("backbone")
	last := mapOfRows(p.net.Forward(images, drop), side, side)
	leave()
	var out []*onnxgraph.Value
	for i, l := range p.levels {
		leave := images.Graph().Scope(fmt.Sprintf("p%d", stage(p.config.Strides[i])))
		out = append(out, l.forward(last).CHW())
		leave()
	}
	return p.config.withCoarsest(out)
}

func (l *simpleLevel) forward(m *featureMap) *featureMap {
	for i, up := range l.up {
		if i > 0 {
			m = m.withRows(op.Gelu(l.norm.Forward(m.Rows())))
		}
		m = up.forward(m)
	}
	return l.blend.forward(l.narrow.forward(halve(m, l.halvings)))
}
