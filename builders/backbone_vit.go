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
func NewBlock(s Scope, c ViTConfig) *Block {
	return &Block{
		norm1: NewLayerNorm(s.Sub("norm1"), c.Dim).withEpsilon(c.Epsilon),
		attn:  NewAttention(s.Sub("attn"), c.Dim, c.Heads),
		norm2: NewLayerNorm(s.Sub("norm2"), c.Dim).withEpsilon(c.Epsilon),
		mlp:   NewMLP(s.Sub("mlp"), c.Dim, c.MLPRatio*c.Dim),
	}
}

// Forward maps a stream [B·T dim] (or [B T dim] with tokens 0) to the same shape.
func (b *Block) Forward(r Residual, tokens, index int, drop DropPath) Residual {
	defer r.stream.Graph().Scope(fmt.Sprintf("blocks.%d", index))()
	x, y := b.norm1.ForwardResidual(r)
	r = Residual{x, drop.apply(b.attn.Forward(y, tokens), index, 0, tokens)}
	x, y = b.norm2.ForwardResidual(r)
	return Residual{x, drop.apply(b.mlp.Forward(y), index, 1, tokens)}
}

// ForwardClass is Forward's result of each image's first token, [B dim], without
// computing the others'.
func (b *Block) ForwardClass(r Residual, tokens, index int, drop DropPath) Residual {
	defer r.stream.Graph().Scope(fmt.Sprintf("blocks.%d", index))()
	x, y := b.norm1.ForwardResidual(r)
	r = Residual{firstTokens(x, tokens), drop.apply(b.attn.ForwardClass(y, tokens), index, 0, 1)}
	x, y = b.norm2.ForwardResidual(r)
	return Residual{x, drop.apply(b.mlp.Forward(y), index, 1, 1)}
}

// firstTokens takes each image's first token of x [B·tokens dim], [B dim].
func firstTokens(x *onnxgraph.Value, tokens int) *onnxgraph.Value {
	dim := x.Shape[1]
	return op.Reshape(op.Slice(op.Reshape(x, -1, tokens, dim), 1, 0, 1), -1, dim)
}

// Residual is a residual stream and the branch that is to be added to it (nil in
// the beginning). The norm that comes next adds it, in one pass over memory.
type Residual struct{ stream, branch *onnxgraph.Value }

// Sum adds the branch.
func (r Residual) Sum() *onnxgraph.Value {
	if r.branch == nil {
		return r.stream
	}
	return op.Add(r.stream, r.branch)
}

// ViT is the vision transformer (arXiv 2010.11929) with a class token first and
// learned positions, under timm's parameter names.
type ViT struct {
	config   ViTConfig
	cls, pos *Param // cls_token [1 1 dim], pos_embed [1 1+T dim]
	embed    *PatchEmbed
	blocks   []*Block
	norm     *LayerNorm
}

// NewViT makes the parameters.
func NewViT(s Scope, c ViTConfig) *ViT {
	v := NewViTWithoutNorm(s, c)
	v.norm = NewLayerNorm(s.Sub("norm"), c.Dim).withEpsilon(c.Epsilon)
	return v
}

// NewViTWithoutNorm makes all but the final norm.
func NewViTWithoutNorm(s Scope, c ViTConfig) *ViT {
	v := &ViT{
		config: c,
		cls:    s.Param("cls_token", Gaussian(1e-6), 1, 1, c.Dim),
		pos:    s.Param("pos_embed", Gaussian(0.02), 1, 1+c.Tokens(c.ImageSize), c.Dim),
		embed:  NewPatchEmbed(s.Sub("patch_embed"), c.PatchSize, c.Dim),
	}
	for i := range c.Depth {
		v.blocks = append(v.blocks, NewBlock(s.Sub(fmt.Sprintf("blocks.%d", i)), c))
	}
	return v
}

// Forward encodes images x [B 3 H W], normalised; where the size is not the
// configured one, positions are interpolated. It returns all tokens after
// the final norm, [B 1+T dim], the class token first.
func (v *ViT) Forward(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	_, after := v.ForwardTokens(x, drop)
	return after
}

// ForwardTokens is Forward's tokens before and after the final norm.
func (v *ViT) ForwardTokens(x *onnxgraph.Value, drop DropPath) (before, after *onnxgraph.Value) {
	r, tokens := v.forwardBlocks(x, drop)
	sum, y := v.norm.ForwardResidual(r)
	return op.Reshape(sum, -1, tokens, v.config.Dim), op.Reshape(y, -1, tokens, v.config.Dim)
}

// forwardBlocks is the stream [B·tokens dim] after the last block.
func (v *ViT) forwardBlocks(x *onnxgraph.Value, drop DropPath) (r Residual, tokens int) {
	r, tokens = v.embedTokens(x)
	for i, b := range v.blocks {
		r = b.Forward(r, tokens, i, drop)
	}
	return r, tokens
}

// ForwardClass is Forward's class token, [B dim]. Nothing after the last block's
// keys and values needs the other tokens, so only the class token's is computed.
func (v *ViT) ForwardClass(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	r, tokens := v.embedTokens(x)
	last := len(v.blocks) - 1
	for i, b := range v.blocks[:last] {
		r = b.Forward(r, tokens, i, drop)
	}
	r = v.blocks[last].ForwardClass(r, tokens, last, drop)
	return v.norm.ForwardCentred(r.Sum())
}

// embedTokens is the stream [B·tokens dim] that the first block gets.
func (v *ViT) embedTokens(x *onnxgraph.Value) (r Residual, tokens int) {
	p := v.config.PatchSize
	h, w := x.Shape[2]/p, x.Shape[3]/p
	stream := v.withPositions(v.embed.Forward(x), resizePositions(v.pos.Value, v.config.ImageSize/p, h, w))
	return Residual{stream: op.Reshape(stream, -1, v.config.Dim)}, 1 + h*w
}

// withPositions puts the class token before the tokens [B T dim] and adds the
// positions [1 1+T dim]. The class token is added to the first position, so that
// it need not be repeated for each image.
func (v *ViT) withPositions(tokens, pos *onnxgraph.Value) *onnxgraph.Value {
	rest := pos.Shape[1] - 1
	first := op.Pad(v.cls.Value, []int{0, 0, 0, 0, rest, 0}, 0)
	return op.Add(op.Pad(tokens, []int{0, 1, 0, 0, 0, 0}, 0), op.Add(pos, first))
}
