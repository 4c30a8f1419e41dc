package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// LinearGradInput returns dX = dY W, [N I] from [N O].
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LinearGradInput", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dY", "W"}, Outputs: []string{"dX"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		dy, w := n.Inputs[0], n.Inputs[1]
		if dy.Rank() != 2 || w.Rank() != 2 {
			return nil, fmt.Errorf("want dY [N O] and W [O I], got %v and %v", dy.Shape, w.Shape)
		}
		return []onnxgraph.Type{{DType: dy.DType, Shape: onnxgraph.Shape{dy.Shape[0], w.Shape[1]}}}, nil
	},
	Grad: onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Gemm(in[0], in[1], nil, false, false)}
	},
})
