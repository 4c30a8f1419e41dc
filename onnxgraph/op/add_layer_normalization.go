package op

import "pmx/onnxgraph"

// AddLayerNormalization adds a branch r to the residual stream x, both [... D], and
// normalises the sum, in one pass over memory:
//
//	s = x + r,  y = (s - mean) · invStdDev ⊙ scale + bias
//
// as LayerNormalization over the last dimension. A pre-norm block needs both s and y.
func AddLayerNormalization(x, r, scale, bias *onnxgraph.Value, epsilon float64) (s, y *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("pmx.AddLayerNormalization", onnxgraph.Attributes{"epsilon": float32(epsilon)}, x, r, scale, bias)
	return n.Outputs[0], n.Outputs[1]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "AddLayerNormalization", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"X", "R", "scale", "B"}, Outputs: []string{"S", "Y", "mean?", "inv_std?"},
	Infer:      signature("... D, ... D, D, D -> ... D, ... D, ... 1, ... 1"),
	Attributes: []onnxgraph.Attribute{{Name: "epsilon", Default: float32(1e-5)}},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if dy[2] != nil || dy[3] != nil {
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient through the saved statistics: take it through Y")
		}
		ds, dy1, scale := dy[0], dy[1], n.Inputs[2]
		s, mean, invStd := n.Outputs[0], n.Outputs[2], n.Outputs[3]
		switch {
		case dy1 == nil:
			return []*onnxgraph.Value{ds, ds, nil, nil}
		case ds == nil:
			dx, dscale, dbias := LayerNormalizationGrad(dy1, s, scale, mean, invStd)
			return []*onnxgraph.Value{dx, dx, dscale, dbias}
		}
		g := onnxgraph.ApplyNode("pmx.AddLayerNormalizationGrad", nil, ds, dy1, s, scale, mean, invStd).Outputs
		return []*onnxgraph.Value{g[0], g[0], g[1], g[2]}
	}),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		s := Add(in[0], in[1])
		y, mean, invStd := layerNormalization(s, in[2], in[3], n.Attributes["epsilon"])
		return []*onnxgraph.Value{s, y, mean, invStd}
	},
})
