package op

import (
	"math"

	"pmx/onnxgraph"
)

// Log returns y = ln x, element by element; NaN where x < 0. dx = dy / x.
// https://onnx.ai/onnx/operators/onnx__Log.html
func Log(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Log", nil, x) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Log", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: floatOnly(sameType),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Div(dy[0], n.Inputs[0])}
	}),
	Eval: mapUnary(math.Log),
})
