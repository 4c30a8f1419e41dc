package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// LinearGradWeight returns dW = dYᵀ X, [O I], and dB, the sums of dY's columns, [O].
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LinearGradWeight", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dY", "X"}, Outputs: []string{"dW", "dB?"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		dy, x := n.Inputs[0], n.Inputs[1]
		if dy.Rank() != 2 || x.Rank() != 2 {
			return nil, fmt.Errorf("want dY [N O] and X [N I], got %v and %v", dy.Shape, x.Shape)
		}
		return []onnxgraph.Type{
			{DType: x.DType, Shape: onnxgraph.Shape{dy.Shape[1], x.Shape[1]}},
			{DType: x.DType, Shape: onnxgraph.Shape{dy.Shape[1]}},
		}, nil
	},
	Grad: onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Gemm(in[0], in[1], nil, true, false), ReduceSum(in[0], false, 0)}
	},
})
