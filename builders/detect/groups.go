package detect

import (
	"strings"

	"pmx/builders"
)

// Groups are those of the published recipes for a Plan: the learning rate decays from
// layer to layer of the ViT (builders.LayerDecay with BEiT's layers), and is the same
// for all else. Weight decay applies to everything but positions, the class token, and
// the norms of detectron2's list: those of the ViT and batch norms. Biases are decayed,
// and so are relative positions and norms over the channels of maps.
func Groups(c Config, layerDecay float64) func(p *builders.Param) builders.Group {
	rates := builders.LayerDecay(builders.LayerGroupsBEiT, c.Depth, layerDecay)
	return func(p *builders.Param) builders.Group {
		g := builders.Group{Rate: 1, Decay: 1}
		inner, ok := strings.CutPrefix(p.Name, "backbone.net.")
		if !ok {
			inner, ok = strings.CutPrefix(p.Name, "backbone.bottom_up.")
		}
		if !ok {
			return g
		}
		g.Rate = rates(&builders.Param{Name: inner, Shape: p.Shape}).Rate
		part, _, _ := strings.Cut(inner, ".")
		switch {
		case part == "pos_embed", part == "cls_token", part == "norm",
			part == "blocks" && strings.Contains(inner, ".norm"),
			strings.HasPrefix(part, "fpn") && len(p.Shape) == 1 && strings.Contains(inner, ".1.") && c.FPNNorm == NormBatch:
			g.Decay = 0
		}
		return g
	}
}
