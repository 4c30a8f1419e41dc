package op

import "pmx/onnxgraph"

// PMXLayerNorm applies pmx.LayerNorm: ONNX's LayerNormalization over the last dimension,
// x [... D], scale and bias [D], as an operator of our own, so that a kernel of ours can
// stand in for it. ONNX Runtime's takes the variance as E[x²]-E[x]², which loses digits
// where the mean is large.
func PMXLayerNorm(x, scale, bias *onnxgraph.Value, epsilon float64) (y *onnxgraph.Value) {
	return onnxgraph.ApplyNode("pmx.LayerNorm", onnxgraph.Attributes{"epsilon": float32(epsilon)}, x, scale, bias).Outputs[0]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LayerNorm", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"X", "scale", "B"}, Outputs: []string{"Y", "mean?", "inv_std?"},
	Infer:      signature("... D, D, D -> ... D, ... 1, ... 1"),
	Attributes: []onnxgraph.Attribute{{Name: "epsilon", Default: float32(1e-5)}},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if dy[1] != nil || dy[2] != nil {
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient through the saved statistics: take it through Y")
		}
		dx, dscale, dbias := LayerNormalizationGrad(dy[0], n.Inputs[0], n.Inputs[1], n.Outputs[1], n.Outputs[2])
		return []*onnxgraph.Value{dx, dscale, dbias}
	}),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		y, mean, invStd := layerNormalization(in[0], in[1], in[2], n.Attributes["epsilon"])
		return []*onnxgraph.Value{y, mean, invStd}
	},
})
