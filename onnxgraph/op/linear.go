package op

import "pmx/onnxgraph"

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
	Infer: signature("N I, O I, O -> N O"),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return linearGrad(n, dy[0])
	}),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{linearBody(in)}
	},
})

// linearGrad is the cotangents of the inputs X, W and B.
func linearGrad(n *onnxgraph.Node, dy *onnxgraph.Value) []*onnxgraph.Value {
	weight := onnxgraph.ApplyNode("pmx.LinearGradWeight", nil, dy, n.Inputs[0])
	dx := onnxgraph.Apply("pmx.LinearGradInput", nil, dy, n.Inputs[1])
	return []*onnxgraph.Value{dx, weight.Outputs[0], weight.Outputs[1]}
}

func linearBody(in []*onnxgraph.Value) *onnxgraph.Value {
	return Gemm(in[0], in[1], in[2], false, true)
}
