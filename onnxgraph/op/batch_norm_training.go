package op

import "pmx/onnxgraph"

// BatchNormTraining normalises each column of x [N C] by the statistics of the
// batch (arXiv 1502.03167, algorithm 1), with the population variance:
//
//	y = (x - mean) · invStd ⊙ scale + bias,  invStd = 1/√(var + ε)
//
// It keeps no running statistics; the inference form, BatchNormalization, takes
// whatever a graph makes of them.
func BatchNormTraining(x, scale, bias *onnxgraph.Value, epsilon float64) *onnxgraph.Value {
	return onnxgraph.Apply("pmx.BatchNormTraining", onnxgraph.Attributes{"epsilon": float32(epsilon)}, x, scale, bias)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "BatchNormTraining", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"X", "scale", "B"}, Outputs: []string{"Y", "saved_mean?", "saved_inv_std?"},
	Infer:      signature("N C, C, C -> N C, C, C"),
	Attributes: []onnxgraph.Attribute{{Name: "epsilon", Default: float32(1e-5)}},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if dy[1] != nil || dy[2] != nil {
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "no gradient through the saved statistics")
		}
		return onnxgraph.ApplyNode("com.microsoft.BatchNormalizationGrad", n.Attributes,
			dy[0], n.Inputs[0], n.Inputs[1], n.Outputs[1], n.Outputs[2]).Outputs
	}),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		x, scale, bias := in[0], in[1], in[2]
		mean := ReduceMean(x, true, 0)
		centred := Sub(x, mean)
		variance := ReduceMean(Mul(centred, centred), true, 0)
		invStd := Reciprocal(Sqrt(Add(variance, floatAttribute(n, "epsilon", x))))
		y := Add(Mul(centred, Mul(invStd, scale)), bias)
		return []*onnxgraph.Value{y, Squeeze(mean, 0), Squeeze(invStd, 0)}
	},
})
