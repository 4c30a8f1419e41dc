package op

import "pmx/onnxgraph"

// BatchNormalizationGrad has the inputs and outputs of ONNX Runtime Training's
// kernel. With x̂ = (x - mean) · invStd:
//
//	dB = Σ dy,  dscale = Σ dy ⊙ x̂,  dx = scale · invStd · (dy - mean(dy) - x̂ · mean(dy ⊙ x̂))
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "BatchNormalizationGrad", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1,
	Inputs: []string{"dY", "X", "scale", "saved_mean", "saved_inv_std"}, Outputs: []string{"dX", "dscale", "dB"},
	Infer: signature("N C, N C, C, C, C -> N C, C, C"),
	// ONNX Runtime Training's kernel has use for it where no statistics are saved.
	Attributes: []onnxgraph.Attribute{{Name: "epsilon", Default: float32(1e-5)}},
	Grad:       onnxgraph.NotDifferentiable("second derivatives of batch norm are not needed"),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, x, scale, mean, invStd := in[0], in[1], in[2], in[3], in[4]
		normalised := Mul(Sub(x, mean), invStd)
		weighted := Mul(dy, normalised)
		dx := Sub(Sub(dy, ReduceMean(dy, true, 0)), Mul(normalised, ReduceMean(weighted, true, 0)))
		return []*onnxgraph.Value{Mul(dx, Mul(scale, invStd)), ReduceSum(weighted, false, 0), ReduceSum(dy, false, 0)}
	},
})
