package op

import "pmx/onnxgraph"

// LayerNormalizationGrad returns the cotangents of LayerNormalization over the
// last dimension D, from its saved mean and invStdDev. With
// x̂ = (x - mean) · invStdDev and g = dy ⊙ scale:
//
//	dx = invStdDev · (g - mean(g) - x̂ · mean(g ⊙ x̂))
//	dscale = Σ dy ⊙ x̂,  dbias = Σ dy    (over all but the last dimension)
//
// ONNX Runtime Training has a kernel of this name.
func LayerNormalizationGrad(dy, x, scale, mean, invStdDev *onnxgraph.Value) (dx, dscale, dbias *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("com.microsoft.LayerNormalizationGrad", onnxgraph.Attributes{"axis": int64(-1)}, dy, x, scale, mean, invStdDev)
	return n.Outputs[0], n.Outputs[1], n.Outputs[2]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LayerNormalizationGrad", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1,
	Inputs: []string{"dY", "X", "scale", "mean", "inv_std"}, Outputs: []string{"dX", "dscale", "dB"},
	Attributes: []onnxgraph.Attribute{{Name: "axis", Default: int64(-1)}},
	Infer:      lastAxis(signature("... D, ... D, D, ... 1, ... 1 -> ... D, D, D")),
	Grad:       onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, x, scale, mean, invStd := in[0], in[1], in[2], in[3], in[4]
		normalised := Mul(Sub(x, mean), invStd)
		g := Mul(dy, scale)
		along := ReduceMean(Mul(g, normalised), true, -1)
		dx := Mul(Sub(Sub(g, ReduceMean(g, true, -1)), Mul(normalised, along)), invStd)
		dscale := ReduceSum(Flatten(Mul(dy, normalised), -1), false, 0)
		return []*onnxgraph.Value{dx, dscale, ReduceSum(Flatten(dy, -1), false, 0)}
	},
})
