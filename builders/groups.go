package builders

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// LayerGroups says which layer the final norm of a ViT belongs to when learning rates
// decay from layer to layer.
type LayerGroups string

// The two conventions in use.
const (
	// LayerGroupsTimm puts it beside the last block, as timm 0.6.11 and PatchMix do.
	LayerGroupsTimm LayerGroups = "timm"
	// LayerGroupsBEiT puts it beside the head, as BEiT, MAE, iBOT and detectron2 do.
	LayerGroupsBEiT LayerGroups = "beit"
)

// Check says what is wrong with g.
func (g LayerGroups) Check() error {
	if g != LayerGroupsTimm && g != LayerGroupsBEiT {
		return fmt.Errorf("builders: layer decay groups %q, choose %q or %q", g, LayerGroupsTimm, LayerGroupsBEiT)
	}
	return nil
}

// LayerDecay gives the groups of a Plan in which layers nearer to the images of a ViT
// classifier learn slower: BEiT's layer decay (arXiv 2106.08254). A parameter has
// factor^(depth+1-layer) of the learning rate, with the layers
//
//	0             cls_token, pos_embed, patch_embed.*
//	i+1           blocks.i.*, i = 0 ... depth-1
//	depth or +1   norm.*, see LayerGroups
//	depth+1       fc_norm.*, head.*
//
// of timm's names, without a prefix. A factor of 1 gives all the same rate. Weight
// decay does not apply to biases and the scales of norms, which have one dimension,
// nor to cls_token and pos_embed, which DecayMatrices decays.
func LayerDecay(groups LayerGroups, depth int, factor float64) func(p *Param) Group {
	return func(p *Param) Group {
		g := Group{Rate: math.Pow(factor, float64(depth+1-groups.layer(p.Name, depth)))}
		if len(p.Shape) > 1 && p.Name != "cls_token" && p.Name != "pos_embed" {
			g.Decay = 1
		}
		return g
	}
}

func (g LayerGroups) layer(name string, depth int) int {
	part, rest, _ := strings.Cut(name, ".")
	switch {
	case part == "cls_token", part == "pos_embed", part == "patch_embed":
		return 0
	case part == "norm" && g == LayerGroupsTimm:
		return depth
	case part == "blocks":
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); err == nil {
			return i + 1
		}
	}
	return depth + 1
}
