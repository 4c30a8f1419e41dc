package op

import "pmx/onnxgraph"

// SoftmaxGrad returns dx of y = softmax(x) over the last axis:
// dx = y ⊙ (dy - Σ dy ⊙ y). ONNX Runtime Training has a kernel of this name.
func SoftmaxGrad(dy, y *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("com.microsoft.SoftmaxGrad_13", onnxgraph.Attributes{"axis": int64(-1)}, dy, y)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "SoftmaxGrad_13", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1,
	Inputs: []string{"dY", "Y"}, Outputs: []string{"dX"},
	Attributes: []onnxgraph.Attribute{{Name: "axis", Default: int64(-1)}},
	Infer:      lastAxis(signature("... D, ... D -> ... D")),
	Grad:       onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, y := in[0], in[1]
		return []*onnxgraph.Value{Mul(y, Sub(dy, ReduceSum(Mul(dy, y), true, -1)))}
	},
})
