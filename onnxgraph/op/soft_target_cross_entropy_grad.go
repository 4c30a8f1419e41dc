package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// SoftTargetCrossEntropyGrad returns dlogits = dLoss/N · (P ⊙ Σ_m target - target),
// P being the softmax of the logits.
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "SoftTargetCrossEntropyGrad", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dLoss", "P", "target"}, Outputs: []string{"dlogits"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		loss, p, target := n.Inputs[0].Type, n.Inputs[1].Type, n.Inputs[2].Type
		if len(p.Shape) != 2 || !p.Shape.Fits(target.Shape) || !loss.Shape.Fits(onnxgraph.Shape{1}) {
			return nil, fmt.Errorf("want dLoss [1], P and target [N M], got %v, %v and %v", loss, p, target)
		}
		return []onnxgraph.Type{p}, nil
	},
	Grad: onnxgraph.NotDifferentiable("second derivatives of the loss are not needed"),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		loss, p, target := in[0], in[1], in[2]
		rows := Cast(ShapeOf(target, 0, 1), target.DType)
		return []*onnxgraph.Value{Mul(Div(loss, rows), Sub(Mul(p, ReduceSum(target, true, 1)), target))}
	},
})
