package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Sum adds any number of operands with broadcasting. Each operand's cotangent
// is dy.
// https://onnx.ai/onnx/operators/onnx__Sum.html
func Sum(xs ...*onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Sum", nil, xs...) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Sum", SinceVersion: 13, Inputs: []string{"data_0..."}, Outputs: []string{"sum"},
	Infer: numeric(broadcastAll),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		for i := range dx {
			dx[i] = dy[0]
		}
		return dx
	}),
	Eval: foldOperands(func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }),
})

// broadcastAll infers the broadcast of any number of inputs of one element type.
func broadcastAll(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	out := n.Inputs[0].Type
	for _, x := range n.Inputs[1:] {
		if err := sameDType(out, x.Type); err != nil {
			return nil, err
		}
		shape, err := onnxgraph.Broadcast(out.Shape, x.Shape)
		if err != nil {
			return nil, err
		}
		out.Shape = shape
	}
	return []onnxgraph.Type{out}, nil
}

// foldOperands evaluates f(f(x0, x1), x2)...
func foldOperands(float func(a, b float64) float64, integer func(a, b int64) int64) evalFunc {
	return func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		out := in[0]
		for i, x := range in[1:] {
			var err error
			if out, err = pairwise(out, x, float, integer); err != nil {
				return nil, fmt.Errorf("operand %d: %w", i+1, err)
			}
		}
		return one(out)
	}
}
