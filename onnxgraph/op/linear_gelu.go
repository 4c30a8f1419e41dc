package op

import "pmx/onnxgraph"

// LinearGelu returns y = gelu(h) of h = x wᵀ + b, both [N O], for x [N I], w [O I]
// and b [O]: the first half of a transformer's MLP. A kernel applies the
// activation to what it has just multiplied, while that is in cache. h is what
// GeluGrad needs.
func LinearGelu(x, w, b *onnxgraph.Value) (y, h *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("pmx.LinearGelu", nil, x, w, b)
	return n.Outputs[0], n.Outputs[1]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LinearGelu", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"X", "W", "B"}, Outputs: []string{"Y", "H?"},
	Infer: signature("N I, O I, O -> N O, N O"),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if dy[1] != nil {
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient through H: take it through Y")
		}
		return linearGrad(n, GeluGrad(dy[0], n.Outputs[1]))
	}),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		h := linearBody(in)
		return []*onnxgraph.Value{Gelu(h), h}
	},
})
