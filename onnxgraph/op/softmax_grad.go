package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// SoftmaxGrad returns dx of y = softmax(x) over the last axis:
// dx = y ⊙ (dy - Σ dy ⊙ y). ONNX Runtime Training has a kernel of this name.
func SoftmaxGrad(dy, y *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("com.microsoft.SoftmaxGrad_13", onnxgraph.Attributes{"axis": int64(-1)}, dy, y)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "SoftmaxGrad_13", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1,
	Inputs: []string{"dY", "Y"}, Outputs: []string{"dX"},
	Infer: sameTypeAlongLastAxis,
	Grad:  onnxgraph.ByDecomposition(),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, y := in[0], in[1]
		return []*onnxgraph.Value{Mul(y, Sub(dy, ReduceSum(Mul(dy, y), true, -1)))}
	},
})

// sameTypeAlongLastAxis infers one output of the type of both operands, and refuses
// an axis that is not the last, which neither the body nor the kernel serves.
func sameTypeAlongLastAxis(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	types, err := lastAxis(n)
	if err != nil {
		return nil, err
	}
	rank := len(types[0].Shape)
	axis, err := axisOf(n.Attributes.Int("axis", -1), rank)
	if err == nil && axis != rank-1 {
		err = fmt.Errorf("axis %d is not the last of %v, the only one here", axis, types[0])
	}
	return types, err
}

var lastAxis = signature("... D, ... D -> ... D")
