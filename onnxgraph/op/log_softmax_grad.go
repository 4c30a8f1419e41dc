package op

import "pmx/onnxgraph"

// LogSoftmaxGrad returns dx of y = log softmax(x) over the last axis:
// dx = dy - eʸ Σ dy. ONNX Runtime Training has a kernel of this name.
func LogSoftmaxGrad(dy, y *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("com.microsoft.LogSoftmaxGrad_13", onnxgraph.Attributes{"axis": int64(-1)}, dy, y)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LogSoftmaxGrad_13", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1,
	Inputs: []string{"dY", "Y"}, Outputs: []string{"dX"},
	Attributes: []onnxgraph.Attribute{{Name: "axis", Default: int64(-1)}},
	Infer:      lastAxis(signature("... D, ... D -> ... D")),
	Grad:       onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, y := in[0], in[1]
		return []*onnxgraph.Value{Sub(dy, Mul(Exp(y), ReduceSum(dy, true, -1)))}
	},
})
