package op

import "pmx/onnxgraph"

// AddLayerNormalizationGrad returns the cotangent of both X and R, which is that of
// S, plus what LayerNormalizationGrad gives for S; dscale and dB are as there.
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "AddLayerNormalizationGrad", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dS", "dY", "S", "scale", "mean", "inv_std"}, Outputs: []string{"dX", "dscale", "dB"},
	Infer: signature("... D, ... D, ... D, D, ... 1, ... 1 -> ... D, D, D"),
	Grad:  onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dx, dscale, dbias := LayerNormalizationGrad(in[1], in[2], in[3], in[4], in[5])
		return []*onnxgraph.Value{Add(in[0], dx), dscale, dbias}
	},
})
