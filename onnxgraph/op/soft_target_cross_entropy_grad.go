package op

import "pmx/onnxgraph"

// SoftTargetCrossEntropyGrad returns dlogits = dLoss/N · (P ⊙ Σ_m target - target),
// P being the softmax of the logits.
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "SoftTargetCrossEntropyGrad", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dLoss", "P", "target"}, Outputs: []string{"dlogits"},
	Infer: signature("1, N M, N M -> N M"),
	Grad:  onnxgraph.NotDifferentiable("second derivatives of the loss are not needed"),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		loss, p, target := in[0], in[1], in[2]
		rows := Cast(ShapeOf(target, 0, 1), target.DType)
		return []*onnxgraph.Value{Mul(Div(loss, rows), Sub(Mul(p, ReduceSum(target, true, 1)), target))}
	},
})
