package op

import "pmx/onnxgraph"

// LinearGradWeight returns dW = dYᵀ X, [O I], and dB, the sums of dY's columns, [O].
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LinearGradWeight", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dY", "X"}, Outputs: []string{"dW", "dB?"},
	Infer: signature("N O, N I -> O I, O"),
	Grad:  onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Gemm(in[0], in[1], nil, true, false), ReduceSum(in[0], false, 0)}
	},
})
