package op

import (
	"fmt"
	"math"
	"slices"

	"pmx/onnxgraph"
)

// Attention is multi-head self-attention without its projections
// (arXiv 1706.03762, section 3.2): softmax(q kᵀ / √d) v for each head, [B T H·d]
// with the heads side by side. qkv [B T 3·H·d] holds queries, keys and values one
// after the other, each as H heads of d, the layout of timm's attn.qkv.
//
// The gradient computes the attention weights once more: kept, [B H T T] of them
// would be a large part of a step's memory.
func Attention(qkv *onnxgraph.Value, heads int) *onnxgraph.Value {
	return attend("pmx.Attention", qkv, heads)
}

func attend(id string, qkv *onnxgraph.Value, heads int) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{"num_heads": int64(heads)}
	if qkv.Rank() == 3 && heads > 0 {
		attributes["scale"] = float32(1 / math.Sqrt(float64(qkv.Shape[2]/(3*heads))))
	}
	return onnxgraph.Apply(id, attributes, qkv)
}

var _ = onnxgraph.Register(attentionSchema("Attention", false))

var attentionAttributes = []onnxgraph.Attribute{{Name: "num_heads"}, {Name: "scale"}}

// attentionSchema describes attention of all tokens, or of the first.
func attentionSchema(name string, class bool) onnxgraph.OpSchema {
	return onnxgraph.OpSchema{
		Name: name, Domain: onnxgraph.DomainPMX, SinceVersion: 1,
		Inputs: []string{"QKV"}, Outputs: []string{"Y"},
		Attributes: attentionAttributes,
		Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
			y, err := attentionType(n, n.Inputs[0], class)
			return []onnxgraph.Type{y}, err
		},
		Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{onnxgraph.Apply(n.Op.ID()+"Grad", n.Attributes, dy[0], n.Inputs[0])}
		}),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			h := headsOf(n, in[0], class)
			return []*onnxgraph.Value{joinHeads(MatMul(h.weights(), h.v))}
		},
	}
}

// attentionType is the type of the result, [B T H·d] or, of the first token, [B 1 H·d].
func attentionType(n *onnxgraph.Node, qkv *onnxgraph.Value, class bool) (onnxgraph.Type, error) {
	heads := n.Attributes.Int("num_heads", 0)
	if qkv.Rank() != 3 || !qkv.DType.IsFloat() || slices.Contains(qkv.Shape, 0) || heads < 1 || heads > qkv.Shape[2] || qkv.Shape[2]%(3*heads) != 0 {
		return onnxgraph.Type{}, fmt.Errorf("want floats QKV [batch tokens 3·heads·d] with %d heads and no dimension 0, got %v", heads, qkv.Type)
	}
	y := onnxgraph.Shape{qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3}
	if class {
		y[1] = 1
	}
	return onnxgraph.Type{DType: qkv.DType, Shape: y}, nil
}

// heads is qkv [B T 3·H·d] taken apart: k and v [B H T d], q the same or, of the
// first token, [B H 1 d]. number is H, [1].
type heads struct{ q, k, v, number, scale *onnxgraph.Value }

func headsOf(n *onnxgraph.Node, qkv *onnxgraph.Value, class bool) heads {
	number := intAttribute(n, "num_heads")
	split := ReshapeTo(qkv, vector(Ints(qkv, 0, 0, 3), number, Ints(qkv, -1))) // [B T 3 H d]
	parts := Split(Transpose(split, 2, 0, 3, 1, 4), 0, 1, 1, 1)
	h := heads{q: Squeeze(parts[0], 0), k: Squeeze(parts[1], 0), v: Squeeze(parts[2], 0), number: number}
	if class {
		h.q = Slice(h.q, 2, 0, 1)
	}
	h.scale = floatAttribute(n, "scale", h.q)
	return h
}

// weights is the attention weights P.
func (h heads) weights() *onnxgraph.Value {
	return Softmax(MatMul(Mul(h.q, h.scale), Transpose(h.k, 0, 1, 3, 2)), -1)
}

// joinHeads puts [B H T d] back side by side: [B T H·d].
func joinHeads(y *onnxgraph.Value) *onnxgraph.Value {
	return Reshape(Transpose(y, 0, 2, 1, 3), 0, 0, -1)
}
