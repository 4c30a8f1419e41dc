package op

import (
	"math"

	"pmx/onnxgraph"
)

// Max returns the largest element of any number of operands with broadcasting. Where k
// operands tie, each gets dy / k; the others get 0.
// https://onnx.ai/onnx/operators/onnx__Max.html
func Max(xs ...*onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Max", nil, xs...) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Max", SinceVersion: 13, Inputs: []string{"data_0..."}, Outputs: []string{"max"},
	Infer: numeric(broadcastAll),
	Grad:  onnxgraph.Differentiable(extremeGrad),
	Eval:  foldOperands(math.Max, largerInt),
})

// extremeGrad is the gradient of Max and Min: it flows to the operands that
// equal the result, in equal shares.
func extremeGrad(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
	if len(n.Inputs) == 1 {
		return []*onnxgraph.Value{dy[0]}
	}
	y := n.Outputs[0]
	hits := make([]*onnxgraph.Value, len(n.Inputs))
	for i, x := range n.Inputs {
		hits[i] = Cast(Equal(x, y), y.DType)
	}
	share := Div(dy[0], Sum(hits...))
	dx := make([]*onnxgraph.Value, len(hits))
	for i, hit := range hits {
		dx[i] = Mul(hit, share)
	}
	return dx
}
