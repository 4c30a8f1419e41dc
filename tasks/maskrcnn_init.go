package tasks

import (
	"slices"

	"pmx/builders"
	"pmx/builders/detect"
)

var _ Initialised = (*MaskRCNN)(nil)

// Architecture implements Recipe's Encoded: that of the ViT, whose positions are for
// images of pretrain_size.
func (r *MaskRCNN) Architecture() builders.ArchitectureInfo {
	c := r.ViTConfig
	c.ImageSize = r.PretrainSize
	return builders.Architecture(c)
}

// Adopt implements Initialised. The detector's images keep their size; blocks that an
// encoder of another depth lacks are replaced by the last of each quarter.
func (r *MaskRCNN) Adopt(c builders.ViTConfig) {
	r.PretrainSize = c.ImageSize
	c.ImageSize, c.Epsilon = r.ImageSize, 0 // the epsilon is not a key
	r.GlobalBlocks = blocksOf(r.GlobalBlocks, r.Depth, c.Depth)
	r.Taps = blocksOf(r.Taps, r.Depth, c.Depth)
	r.ViTConfig = c
}

// blocksOf are those of a ViT of another depth: all where they were all, else the last
// of each quarter.
func blocksOf(blocks []int, before, now int) []int {
	if before == now || len(blocks) == 0 {
		return blocks
	}
	out := make([]int, 0, now)
	parts := 4
	if len(blocks) == before {
		parts = now
	}
	for k := range parts {
		out = append(out, max(0, (k+1)*now/parts-1))
	}
	return slices.Compact(out)
}

// Encoders implements Initialised.
func (r *MaskRCNN) Encoders() []string {
	if r.Backbone == detect.BackboneTaps {
		return []string{"backbone.bottom_up"}
	}
	return []string{"backbone.net"}
}
