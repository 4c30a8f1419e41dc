package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Attention is multi-head self-attention (arXiv 1706.03762) with one projection
// for queries, keys and values, and one for the result.
type Attention struct {
	qkv, proj *Linear
	heads     int
}

// NewAttention makes attn.qkv [3·dim dim] and attn.proj [dim dim], both with bias.
func NewAttention(s Scope, dim, heads int) *Attention {
	return &Attention{
		qkv:   NewLinear(s.Sub("qkv"), dim, 3*dim, true, xavier(3)),
		proj:  NewLinear(s.Sub("proj"), dim, dim, true, xavier(1)),
		heads: heads,
	}
}

// Forward lets each token attend to the tokens of its image. x is [B·T dim], T
// tokens to an image, or [B T dim] with tokens 0.
func (a *Attention) Forward(x *onnxgraph.Value, tokens int) *onnxgraph.Value {
	return a.attend(x, tokens, op.Attention)
}

// ForwardClass is Forward's result of each image's first token, [B dim].
func (a *Attention) ForwardClass(x *onnxgraph.Value, tokens int) *onnxgraph.Value {
	return a.attend(x, tokens, op.ClassAttention)
}

func (a *Attention) attend(x *onnxgraph.Value, tokens int, by func(qkv *onnxgraph.Value, heads int) *onnxgraph.Value) *onnxgraph.Value {
	qkv := a.qkv.Forward(x)
	if x.Rank() == 3 {
		return a.proj.Forward(by(qkv, a.heads))
	}
	width := qkv.Shape[1]
	y := by(op.Reshape(qkv, -1, tokens, width), a.heads)
	return a.proj.Forward(op.Reshape(y, -1, width/3))
}
