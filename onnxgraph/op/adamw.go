package op

import "pmx/onnxgraph"

// AdamW returns one update of a parameter with decoupled weight decay
// (arXiv 1711.05101, algorithm 2, as torch.optim.AdamW computes it):
//
//	m' = β1 m + (1-β1) g,  v' = β2 v + (1-β2) g²
//	p' = p - lr·wd·p - (lr/c1) · m' / (√v'/c2 + ε)
//
// c1 = 1-β1ᵗ and c2 = √(1-β2ᵗ) correct the bias of step t. lr, decay, c1 and c2
// are [1]. squares [1] is Σ g², for the gradient's length: who reads the gradient
// last computes it, so that nothing holds it longer.
func AdamW(p, g, m, v, lr, decay, c1, c2 *onnxgraph.Value, beta1, beta2, epsilon float64) (p2, m2, v2, squares *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("pmx.AdamW", onnxgraph.Attributes{
		"alpha": float32(beta1), "beta": float32(beta2), "epsilon": float32(epsilon),
	}, p, g, m, v, lr, decay, c1, c2)
	return n.Outputs[0], n.Outputs[1], n.Outputs[2], n.Outputs[3]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "AdamW", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs:  []string{"P", "G", "M", "V", "lr", "weight_decay", "c1", "c2"},
	Outputs: []string{"P_next", "M_next", "V_next", "squares"},
	Infer:   signature("... D, ... D, ... D, ... D, 1, 1, 1, 1 -> ... D, ... D, ... D, 1"),
	// β is fixed, because 1-β is not to be had by reference: float32's 0.999 leaves
	// 0.00099998713. Rounding that in the graph added about a tenth to the time in which ONNX
	// Runtime loads a step without kernels.
	Attributes: []onnxgraph.Attribute{
		{Name: "alpha", Default: float32(0.9), Fixed: true}, {Name: "beta", Default: float32(0.999), Fixed: true},
		{Name: "epsilon", Default: float32(1e-8)},
	},
	Grad: onnxgraph.NotDifferentiable("an optimizer's update is not differentiated"),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		p, g, m, v, lr, decay, c1, c2 := in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]
		scalar := func(x float64) *onnxgraph.Value { return Scalar(p, x) }
		beta1, beta2 := n.Attributes.Float("alpha", 0), n.Attributes.Float("beta", 0)
		m2 := Add(m, Mul(Sub(g, m), scalar(1-beta1)))
		v2 := Add(Mul(v, scalar(beta2)), Mul(Mul(g, g), scalar(1-beta2)))
		denominator := Add(Div(Sqrt(v2), c2), floatAttribute(n, "epsilon", p))
		kept := Mul(p, Sub(scalar(1), Mul(lr, decay)))
		return []*onnxgraph.Value{Sub(kept, Mul(Div(m2, denominator), Div(lr, c1))), m2, v2, ReduceSumSquare(Reshape(g, -1), true)}
	},
})
