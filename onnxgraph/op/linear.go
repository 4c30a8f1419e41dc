package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Linear returns y = x wᵀ + b, as torch.nn.Linear, for x [N I], w [O I] and b [O].
// Its gradient is two operators, so that a kernel may have one
// layout for each of the three products and take the bias's sums on the way:
// LinearGradInput and LinearGradWeight.
func Linear(x, w, b *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("pmx.Linear", nil, x, w, b)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Linear", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"X", "W", "B"}, Outputs: []string{"Y"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		y, err := linearType(n)
		return []onnxgraph.Type{y}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return linearGrad(n, dy[0])
	}),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{linearBody(in)}
	},
})

// linearType is the type of x wᵀ + b.
func linearType(n *onnxgraph.Node) (onnxgraph.Type, error) {
	x, w := n.Inputs[0], n.Inputs[1]
	if x.Rank() != 2 || w.Rank() != 2 || !x.Shape[1:].Fits(w.Shape[1:]) || x.DType != w.DType {
		return onnxgraph.Type{}, fmt.Errorf("want X [N I] and W [O I] of one type, got %v and %v", x.Type, w.Type)
	}
	if b := n.Inputs[2]; !b.Shape.Fits(w.Shape[:1]) {
		return onnxgraph.Type{}, fmt.Errorf("want B %v, got %v", w.Shape[:1], b.Shape)
	}
	return onnxgraph.Type{DType: x.DType, Shape: onnxgraph.Shape{x.Shape[0], w.Shape[0]}}, nil
}

// linearGrad is the cotangents of the inputs X, W and B.
func linearGrad(n *onnxgraph.Node, dy *onnxgraph.Value) []*onnxgraph.Value {
	weight := onnxgraph.ApplyNode("pmx.LinearGradWeight", nil, dy, n.Inputs[0])
	dx := onnxgraph.Apply("pmx.LinearGradInput", nil, dy, n.Inputs[1])
	return []*onnxgraph.Value{dx, weight.Outputs[0], weight.Outputs[1]}
}

func linearBody(in []*onnxgraph.Value) *onnxgraph.Value {
	return Gemm(in[0], in[1], in[2], false, true)
}
