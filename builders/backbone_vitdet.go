package builders

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// ViTDetConfig is the architecture of a ViT as the backbone of a detector
// (arXiv 2203.16527): ImageSize is the side of the squares that the detector sees.
type ViTDetConfig struct {
	ViTConfig
	Window       int   // side of the windows of most blocks, in patches
	GlobalBlocks []int // blocks that attend to all of the image, counted from 0
	PretrainSize int   // side of the images whose positions pos_embed has
}

// Validate says what is wrong with the architecture, if anything.
func (c ViTDetConfig) Validate() error {
	if err := c.ViTConfig.Validate(); err != nil {
		return err
	}
	switch last := slices.Max(append([]int{0}, c.GlobalBlocks...)); {
	case c.Window < 1:
		return fmt.Errorf("builders: window is %d, want 1 patch at least", c.Window)
	case last >= c.Depth || slices.Min(append([]int{0}, c.GlobalBlocks...)) < 0:
		return fmt.Errorf("builders: global_blocks %v of %d blocks, which count from 0", c.GlobalBlocks, c.Depth)
	case c.PretrainSize < c.PatchSize || c.PretrainSize%c.PatchSize != 0:
		return fmt.Errorf("builders: pretrain_size %d is not a multiple of patch_size %d", c.PretrainSize, c.PatchSize)
	}
	return nil
}

// ViTDet is such a backbone, without class token and final norm, under detectron2's
// parameter names.
type ViTDet struct {
	config ViTDetConfig
	pos    *Param // pos_embed [1 1+T dim]; the class token's position is not used
	embed  *PatchEmbed
	blocks []*windowBlock
}

// NewViTDet makes the parameters. Those of linear layers and the positions are drawn from
// N(0, 0.02²): detectron2's truncation at ±2 cuts nothing of that.
func NewViTDet(s Scope, c ViTDetConfig) *ViTDet {
	v := &ViTDet{
		config: c,
		pos:    s.Param("pos_embed", Gaussian(0.02), 1, 1+c.Tokens(c.PretrainSize), c.Dim),
		embed:  NewPatchEmbed(s.Sub("patch_embed"), c.PatchSize, c.Dim),
	}
	side := c.ImageSize / c.PatchSize
	for i := range c.Depth {
		window := c.Window
		if slices.Contains(c.GlobalBlocks, i) {
			window = 0
		}
		b := s.Sub(fmt.Sprintf("blocks.%d", i))
		v.blocks = append(v.blocks, &windowBlock{
			norm1: NewLayerNorm(b.Sub("norm1"), c.Dim),
			attn:  NewWindowAttention(b.Sub("attn"), c.Dim, c.Heads, side, side, window),
			norm2: NewLayerNorm(b.Sub("norm2"), c.Dim),
			mlp:   newMLP(b.Sub("mlp"), c.Dim, c.MLPRatio*c.Dim, Gaussian(0.02)),
		})
	}
	return v
}

// Forward encodes images x [B 3 ImageSize ImageSize] and returns the last block's map
// as rows [B·h·w dim].
func (v *ViTDet) Forward(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	side, from := v.config.ImageSize/v.config.PatchSize, v.config.PretrainSize/v.config.PatchSize
	stream := op.Add(v.embed.Forward(x), ResizePositions(v.pos.Value, from, side, side))
	r := Residual{stream: op.Reshape(stream, -1, v.config.Dim)}
	for i, b := range v.blocks {
		r = b.forward(r, side*side, i, drop)
	}
	return r.Sum()
}

// windowBlock is a Block with WindowAttention.
type windowBlock struct {
	norm1, norm2 *LayerNorm
	attn         *WindowAttention
	mlp          *MLP
}

// forward maps a stream [B·tokens dim] to the same shape.
func (b *windowBlock) forward(r Residual, tokens, index int, drop DropPath) Residual {
	defer r.stream.Graph().Scope(fmt.Sprintf("blocks.%d", index))()
	x, y := b.norm1.ForwardResidual(r)
	r = Residual{x, drop.apply(b.attn.Forward(y), index, 0, tokens)}
	x, y = b.norm2.ForwardResidual(r)
	return Residual{x, drop.apply(b.mlp.Forward(y), index, 1, tokens)}
}
