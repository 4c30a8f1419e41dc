package op

import "pmx/onnxgraph"

// EMA returns the exponential moving average momentum·average + (1-momentum)·x.
// momentum is [1]. Nothing flows back to x, which PyTorch's momentum encoders
// have by torch.no_grad.
func EMA(average, x, momentum *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("pmx.EMA", nil, average, x, momentum)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "EMA", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"average", "X", "momentum"}, Outputs: []string{"Y"},
	Infer: signature("... D, ... D, 1 -> ... D"),
	Grad:  onnxgraph.ZeroGradient("the average is a copy that carries no gradient"),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		average, x, momentum := in[0], in[1], in[2]
		return []*onnxgraph.Value{Add(Mul(average, momentum), Mul(x, Sub(Scalar(x, 1), momentum)))}
	},
})
