package op

import "pmx/onnxgraph"

// Identity returns x under another name. dx = dy.
// https://onnx.ai/onnx/operators/onnx__Identity.html
func Identity(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Identity", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Identity", SinceVersion: 16, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: sameType,
	Grad: onnxgraph.Differentiable(func(_ *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{dy[0]}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) { return one(in[0]) },
})
