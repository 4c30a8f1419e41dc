package op

import "pmx/onnxgraph"

// AddLayerNormalizationGrad returns the cotangent of both X and R, which is that of
// S, plus what LayerNormalizationGrad gives for S; dscale and dB are as there.
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "AddLayerNormalizationGrad", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dS", "dY", "S", "scale", "mean", "inv_std"}, Outputs: []string{"dX", "dscale", "dB"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		scale := n.Inputs[3].Type
		return []onnxgraph.Type{n.Inputs[2].Type, scale, scale}, nil
	},
	Grad: onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dx, dscale, dbias := LayerNormalizationGrad(in[1], in[2], in[3], in[4], in[5])
		return []*onnxgraph.Value{Add(in[0], dx), dscale, dbias}
	},
})
