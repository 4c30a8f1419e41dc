package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// MLP is the transformer's feed-forward part: Linear, exact GELU, Linear.
type MLP struct{ fc1, fc2 *Linear }

// NewMLP makes fc1 [hidden dim] and fc2 [dim hidden], both with bias.
func NewMLP(s Scope, dim, hidden int) *MLP { return newMLP(s, dim, hidden, xavier(1)) }

func newMLP(s Scope, dim, hidden int, init Initializer) *MLP {
	return &MLP{NewLinear(s.Sub("fc1"), dim, hidden, true, init), NewLinear(s.Sub("fc2"), hidden, dim, true, init)}
}

// Forward maps x [... dim] to [... dim].
func (m *MLP) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	return m.fc2.Forward(m.fc1.ForwardGelu(x))
}

// Head is a projector or predictor as MoCo v3 has them (arXiv 2104.02057,
// section 4): Linear without bias, BatchNorm and ReLU between layers, and after
// the last layer a BatchNorm without affine map.
type Head struct {
	linear []*Linear
	norm   []*BatchNorm
}

// NewHead makes layers under the indices that torch.nn.Sequential gives them:
// Linear 0, BatchNorm 1, ReLU 2, Linear 3, ....
func NewHead(s Scope, layers, in, hidden, out int) *Head {
	h := &Head{}
	for l := range layers {
		from, to, last := hidden, hidden, l == layers-1
		if l == 0 {
			from = in
		}
		if last {
			to = out
		}
		h.linear = append(h.linear, NewLinear(s.Sub(fmt.Sprint(3*l)), from, to, false, kaimingUniform))
		h.norm = append(h.norm, NewBatchNorm(s.Sub(fmt.Sprint(3*l+1)), to, !last))
	}
	return h
}

// Forward maps x [N in] to embeddings [N out].
func (h *Head) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	for l := range h.linear {
		x = h.norm[l].Forward(h.linear[l].Forward(x))
		if l < len(h.linear)-1 {
			x = op.Relu(x)
		}
	}
	return x
}
