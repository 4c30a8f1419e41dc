package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Block is a pre-norm transformer block: x + attn(norm1(x)), then x + mlp(norm2(x)).
type Block struct {
	norm1, norm2 *LayerNorm
	attn         *Attention
	mlp          *MLP
}

// NewBlock makes one block.
func NewBlock(s Scope, c Config) *Block {
	return &Block{
		norm1: NewLayerNorm(s.Sub("norm1"), c.Dim),
		attn:  NewAttention(s.Sub("attn"), c.Dim, c.Heads),
		norm2: NewLayerNorm(s.Sub("norm2"), c.Dim),
		mlp:   NewMLP(s.Sub("mlp"), c.Dim, c.MLPRatio*c.Dim),
	}
}

// Forward maps x [B·T dim] (or [B T dim] with tokens 0) to the same shape.
func (b *Block) Forward(x *onnxgraph.Value, tokens, index int, drop DropPath) *onnxgraph.Value {
	defer x.Graph().Scope(fmt.Sprintf("blocks.%d", index))()
	x = op.Add(x, drop.apply(b.attn.Forward(b.norm1.Forward(x), tokens), index, 0, tokens))
	return op.Add(x, drop.apply(b.mlp.Forward(b.norm2.Forward(x)), index, 1, tokens))
}

// ViT is the vision transformer (arXiv 2010.11929) with a class token first and
// learned positions, under timm's parameter names.
type ViT struct {
	config   Config
	cls, pos *Param // cls_token [1 1 dim], pos_embed [1 1+T dim]
	embed    *PatchEmbed
	blocks   []*Block
	norm     *LayerNorm
}

// NewViT makes the parameters.
func NewViT(s Scope, c Config) *ViT {
	v := &ViT{
		config: c,
		cls:    s.Param("cls_token", gaussian(1e-6), 1, 1, c.Dim),
		pos:    s.Param("pos_embed", gaussian(0.02), 1, 1+c.Tokens(c.ImageSize), c.Dim),
		embed:  NewPatchEmbed(s.Sub("patch_embed"), c.PatchSize, c.Dim),
	}
	for i := range c.Depth {
		v.blocks = append(v.blocks, NewBlock(s.Sub(fmt.Sprintf("blocks.%d", i)), c))
	}
	v.norm = NewLayerNorm(s.Sub("norm"), c.Dim)
	return v
}

// Forward encodes images x [B 3 S S], normalised; S may differ from the
// configured size, then positions are interpolated. It returns all tokens after
// the final norm, [B 1+T dim], the class token first.
func (v *ViT) Forward(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	h, tokens := v.trunk(x, drop)
	return op.Reshape(v.norm.Forward(h), -1, tokens, v.config.Dim)
}

// ForwardClass is Forward's class token, [B dim]. The final norm works on each
// token by itself, so only the class token's is computed.
func (v *ViT) ForwardClass(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	h, tokens := v.trunk(x, drop)
	first := op.Slice(op.Reshape(h, -1, tokens, v.config.Dim), 1, 0, 1)
	return v.norm.ForwardCentred(op.Reshape(first, -1, v.config.Dim))
}

// trunk is the tokens [B·tokens dim] before the final norm.
func (v *ViT) trunk(x *onnxgraph.Value, drop DropPath) (h *onnxgraph.Value, tokens int) {
	from, to := v.config.ImageSize/v.config.PatchSize, x.Shape[2]/v.config.PatchSize
	tokens = 1 + to*to
	h = v.withPositions(v.embed.Forward(x), resizePositions(v.pos.Value, from, to))
	h = op.Reshape(h, -1, v.config.Dim)
	for i, b := range v.blocks {
		h = b.Forward(h, tokens, i, drop)
	}
	return h, tokens
}

// withPositions puts the class token before the tokens [B T dim] and adds the
// positions [1 1+T dim]. The class token is added to the first position, so that
// it need not be repeated for each image.
func (v *ViT) withPositions(tokens, pos *onnxgraph.Value) *onnxgraph.Value {
	rest := pos.Shape[1] - 1
	first := op.Pad(v.cls.Value, []int{0, 0, 0, 0, rest, 0}, 0)
	return op.Add(op.Pad(tokens, []int{0, 1, 0, 0, 0, 0}, 0), op.Add(pos, first))
}
