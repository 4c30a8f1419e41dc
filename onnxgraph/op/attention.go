package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Attention is multi-head self-attention without its projections
// (arXiv 1706.03762, section 3.2). qkv [B T 3·H·d] holds queries, keys and
// values one after the other, each as H heads of d, the layout of timm's
// attn.qkv. It returns
//
//	y [B T H·d]    softmax(q kᵀ / √d) v, the heads side by side
//	p [B H T T]    the attention weights, which the gradient reuses
func Attention(qkv *onnxgraph.Value, heads int) (y, p *onnxgraph.Value) {
	return attend("pmx.Attention", qkv, heads)
}

// ClassAttention is Attention of each image's first token only: y [B 1 H·d] and
// p [B H 1 T]. It is all that a last block needs whose class token alone is used.
func ClassAttention(qkv *onnxgraph.Value, heads int) (y, p *onnxgraph.Value) {
	return attend("pmx.ClassAttention", qkv, heads)
}

func attend(id string, qkv *onnxgraph.Value, heads int) (y, p *onnxgraph.Value) {
	attributes := onnxgraph.Attributes{"num_heads": int64(heads)}
	if qkv.Rank() == 3 && heads > 0 {
		attributes["scale"] = float32(1 / math.Sqrt(float64(qkv.Shape[2]/(3*heads))))
	}
	n := onnxgraph.ApplyNode(id, attributes, qkv)
	return n.Outputs[0], n.Outputs[1]
}

var (
	_ = onnxgraph.Register(attentionSchema("Attention", false))
	_ = onnxgraph.Register(attentionSchema("ClassAttention", true))
	_ = onnxgraph.Register(attentionGradSchema("AttentionGrad", false))
	_ = onnxgraph.Register(attentionGradSchema("ClassAttentionGrad", true))
)

// attentionSchema describes attention of all tokens, or of the first.
func attentionSchema(name string, class bool) onnxgraph.OpSchema {
	return onnxgraph.OpSchema{
		Name: name, Domain: onnxgraph.DomainPMX, SinceVersion: 1,
		Inputs: []string{"QKV"}, Outputs: []string{"Y", "P?"},
		Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
			qkv, heads := n.Inputs[0], n.Attributes.Int("num_heads", 0)
			if qkv.Rank() != 3 || heads < 1 || qkv.Shape[2] <= 0 || qkv.Shape[2]%(3*heads) != 0 {
				return nil, fmt.Errorf("want QKV [batch tokens 3·heads·d] with %d heads, got %v", heads, qkv.Shape)
			}
			b, t, width := qkv.Shape[0], qkv.Shape[1], qkv.Shape[2]/3
			queries := t
			if class {
				queries = 1
			}
			return []onnxgraph.Type{
				{DType: qkv.DType, Shape: onnxgraph.Shape{b, queries, width}},
				{DType: qkv.DType, Shape: onnxgraph.Shape{b, heads, queries, t}},
			}, nil
		},
		Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
			if dy[1] != nil {
				onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient through the attention weights: take it through Y")
			}
			return []*onnxgraph.Value{onnxgraph.Apply(n.Op.ID()+"Grad", n.Attributes, dy[0], n.Inputs[0], n.Outputs[1])}
		}),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			heads := n.Attributes.Int("num_heads", 0)
			q, k, v := splitHeads(in[0], heads)
			if class {
				q = Slice(q, 2, 0, 1)
			}
			p := Softmax(MatMul(Mul(q, headScale(n, q)), Transpose(k, 0, 1, 3, 2)), -1)
			return []*onnxgraph.Value{joinHeads(MatMul(p, v)), p}
		},
	}
}

// attentionGradSchema returns dqkv. With S = q kᵀ/√d and P = softmax(S):
//
//	dV = Pᵀ dY,  dP = dY Vᵀ,  dS = P ⊙ (dP - Σ dP ⊙ P),  dQ = dS K/√d,  dK = dSᵀ Q/√d
//
// Tokens that did not attend have dQ = 0.
func attentionGradSchema(name string, class bool) onnxgraph.OpSchema {
	return onnxgraph.OpSchema{
		Name: name, Domain: onnxgraph.DomainPMX, SinceVersion: 1,
		Inputs: []string{"dY", "QKV", "P"}, Outputs: []string{"dQKV"},
		Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) { return []onnxgraph.Type{n.Inputs[1].Type}, nil },
		Grad:  onnxgraph.NotDifferentiable("second derivatives of attention are not needed"),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			heads := n.Attributes.Int("num_heads", 0)
			q, k, v := splitHeads(in[1], heads)
			if class {
				q = Slice(q, 2, 0, 1)
			}
			p := in[2]
			dy := Transpose(Reshape(in[0], 0, 0, heads, -1), 0, 2, 1, 3)
			dv := MatMul(Transpose(p, 0, 1, 3, 2), dy)
			ds := SoftmaxGrad(MatMul(dy, Transpose(v, 0, 1, 3, 2)), p)
			scale := headScale(n, q)
			dq := Mul(MatMul(ds, k), scale)
			dk := MatMul(Transpose(ds, 0, 1, 3, 2), Mul(q, scale))
			if class {
				rest := Slice(k, 2, 1, ToEnd)
				dq = Concat(2, dq, ExpandTo(Scalar(k, 0), Shape(rest)))
			}
			stacked := Concat(0, Unsqueeze(dq, 0), Unsqueeze(dk, 0), Unsqueeze(dv, 0))
			joined := Transpose(stacked, 1, 3, 0, 2, 4) // [B T 3 H d]
			return []*onnxgraph.Value{Reshape(joined, 0, 0, -1)}
		},
	}
}

// splitHeads views qkv [B T 3·H·d] as q, k, v of [B H T d].
func splitHeads(qkv *onnxgraph.Value, heads int) (q, k, v *onnxgraph.Value) {
	parts := Split(Transpose(Reshape(qkv, 0, 0, 3, heads, -1), 2, 0, 3, 1, 4), 0, 1, 1, 1)
	return Squeeze(parts[0], 0), Squeeze(parts[1], 0), Squeeze(parts[2], 0)
}

// joinHeads puts [B H T d] back side by side: [B T H·d].
func joinHeads(y *onnxgraph.Value) *onnxgraph.Value {
	return Reshape(Transpose(y, 0, 2, 1, 3), 0, 0, -1)
}

// headScale is 1/√d.
func headScale(n *onnxgraph.Node, like *onnxgraph.Value) *onnxgraph.Value {
	return Scalar(like, n.Attributes.Float("scale", 1))
}
