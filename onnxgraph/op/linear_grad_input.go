package op

import "pmx/onnxgraph"

// LinearGradInput returns dX = dY W, [N I] from [N O].
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LinearGradInput", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dY", "W"}, Outputs: []string{"dX"},
	Infer: signature("N O, O I -> N I"),
	Grad:  onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Gemm(in[0], in[1], nil, false, false)}
	},
})
