package op

import "pmx/onnxgraph"

// SoftTargetCrossEntropy is the cross-entropy of rows of logits [N M] to rows of
// target [N M], which need not be one-hot nor sum to 1. The result is [1]:
//
//	mean_n -Σ_m target[n m] · log softmax_m(logits[n m])
//
// Targets are data: nothing flows back to them.
func SoftTargetCrossEntropy(logits, target *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("pmx.SoftTargetCrossEntropy", nil, logits, target)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "SoftTargetCrossEntropy", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"logits", "target"}, Outputs: []string{"loss", "P?"},
	Infer: signature("N M, N M -> 1, N M"),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if dy[1] != nil {
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient through P: take it through Softmax")
		}
		return []*onnxgraph.Value{onnxgraph.Apply("pmx.SoftTargetCrossEntropyGrad", nil, dy[0], n.Outputs[1], n.Inputs[1]), nil}
	}),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		logits, target := in[0], in[1]
		perRow := ReduceSum(Mul(target, LogSoftmax(logits, -1)), false, 1)
		return []*onnxgraph.Value{Neg(ReduceMean(perRow, true, 0)), Softmax(logits, -1)}
	},
})
