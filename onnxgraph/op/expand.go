package op

import "pmx/onnxgraph"

// Expand repeats x to the broadcast of its shape with the given one.
// dx = dy summed over the repeated axes.
// https://onnx.ai/onnx/operators/onnx__Expand.html
func Expand(x *onnxgraph.Value, shape ...int) *onnxgraph.Value {
	return onnxgraph.Apply("Expand", nil, x, Ints(x, shape...))
}

// ExpandTo is Expand to a shape that the graph computes, an int64 vector.
func ExpandTo(x, shape *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("Expand", nil, x, shape)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Expand", SinceVersion: 13, Inputs: []string{"input", "shape"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		to, err := shapeFrom(n, 1)
		if err != nil {
			return nil, err
		}
		shape, err := onnxgraph.Broadcast(n.Inputs[0].Shape, to)
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: shape}}, err
	},
	// Autodiff sums the cotangent back to the input's shape.
	Grad: onnxgraph.Differentiable(func(_ *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{dy[0], nil}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		to := toInts(in[1])
		shape, err := onnxgraph.Broadcast(in[0].Shape(), to)
		if err := firstError(err, notNegative(to)); err != nil {
			return nil, err
		}
		return one(gatherStrided(in[0], shape, broadcastStrides(in[0].Shape(), shape)))
	},
})
