package op

import "pmx/onnxgraph"

// Relu returns y = max(x, 0), element by element. dx = dy where x > 0, else 0.
// https://onnx.ai/onnx/operators/onnx__Relu.html
func Relu(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Relu", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Relu", SinceVersion: 14, Inputs: []string{"X"}, Outputs: []string{"Y"},
	Infer: numeric(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		zero := Scalar(dy[0], 0)
		return []*onnxgraph.Value{Where(Greater(n.Outputs[0], zero), dy[0], zero)}
	}),
	Eval: mapUnary(func(x float64) float64 { return max(x, 0) }),
})
