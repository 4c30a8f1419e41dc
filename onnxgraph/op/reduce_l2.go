package op

import (
	"math"

	"pmx/onnxgraph"
)

// ReduceL2 returns y = √Σx² over axes (all of them if none is given); with keep
// the reduced dimensions stay as 1. dx = dy ⊙ x / y, and 0 where y is 0.
// https://onnx.ai/onnx/operators/onnx__ReduceL2.html
func ReduceL2(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value {
	return onnxgraph.Apply("ReduceL2", reductionOver(keep, axes), x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ReduceL2", SinceVersion: 13, Inputs: []string{"data"}, Outputs: []string{"reduced"},
	Infer: numeric(reducedByAttribute),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		y, zero := n.Outputs[0], Scalar(dy[0], 0)
		scale := Where(Equal(y, zero), zero, Div(dy[0], y))
		return []*onnxgraph.Value{Mul(n.Inputs[0], withReducedAxes(n, scale, n.Attributes.Ints("axes")))}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return reduce(n, in[0], n.Attributes.Ints("axes"), 0,
			func(sum, x float64) float64 { return sum + x*x },
			func(sum float64, _ int) float64 { return math.Sqrt(sum) })
	},
})
