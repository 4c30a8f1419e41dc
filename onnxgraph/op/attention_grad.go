package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// AttentionGrad returns dqkv of Attention. With S = q kᵀ/√d and P = softmax(S):
//
//	dV = Pᵀ dY,  dP = dY Vᵀ,  dS = P ⊙ (dP - Σ dP ⊙ P),  dQ = dS K/√d,  dK = dSᵀ Q/√d
var _ = onnxgraph.Register(attentionGradSchema("AttentionGrad", false))

// attentionGradSchema describes the gradient of attention of all tokens, or of the
// first. Tokens that did not attend have dQ = 0.
func attentionGradSchema(name string, class bool) onnxgraph.OpSchema {
	return onnxgraph.OpSchema{
		Name: name, Domain: onnxgraph.DomainPMX, SinceVersion: 1,
		Inputs: []string{"dY", "QKV"}, Outputs: []string{"dQKV"},
		Attributes: attentionAttributes,
		Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
			dy, qkv := n.Inputs[0], n.Inputs[1]
			y, err := attentionType(n, qkv, class)
			if err == nil && (dy.DType != y.DType || !dy.Shape.Fits(y.Shape)) {
				err = fmt.Errorf("want dY %v, got %v", y, dy.Type)
			}
			return []onnxgraph.Type{qkv.Type}, err
		},
		Grad: onnxgraph.NotDifferentiable("second derivatives of attention are not needed"),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			h := headsOf(n, in[1], class)
			p := h.weights()
			dy := Transpose(ReshapeTo(in[0], vector(Ints(p, 0, 0), h.number, Ints(p, -1))), 0, 2, 1, 3)
			dv := MatMul(Transpose(p, 0, 1, 3, 2), dy)
			ds := SoftmaxGrad(MatMul(dy, Transpose(h.v, 0, 1, 3, 2)), p)
			dq := Mul(MatMul(ds, h.k), h.scale)
			dk := MatMul(Transpose(ds, 0, 1, 3, 2), Mul(h.q, h.scale))
			if class {
				rest := Slice(h.k, 2, 1, ToEnd)
				dq = Concat(2, dq, ExpandTo(Scalar(h.k, 0), Shape(rest)))
			}
			return []*onnxgraph.Value{joinQKV(dq, dk, dv)}
		},
	}
}

// joinQKV puts queries, keys and values [B H T d] side by side: [B T 3·H·d].
func joinQKV(q, k, v *onnxgraph.Value) *onnxgraph.Value {
	stacked := Concat(0, Unsqueeze(q, 0), Unsqueeze(k, 0), Unsqueeze(v, 0))
	return Reshape(Transpose(stacked, 1, 3, 0, 2, 4), 0, 0, -1)
}
