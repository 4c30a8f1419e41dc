package op

import "pmx/onnxgraph"

// ReduceSumSquare sums x² over axes (all of them if none is given); with keep the
// reduced dimensions stay as 1. dx = 2 dy ⊙ x.
// https://onnx.ai/onnx/operators/onnx__ReduceSumSquare.html
func ReduceSumSquare(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value {
	return onnxgraph.Apply("ReduceSumSquare", reductionOver(keep, axes), x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ReduceSumSquare", SinceVersion: 13, Inputs: []string{"data"}, Outputs: []string{"reduced"},
	Infer: numeric(reducedByAttribute),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		twice := Mul(withReducedAxes(n, dy[0], n.Attributes.Ints("axes")), Scalar(dy[0], 2))
		return []*onnxgraph.Value{Mul(n.Inputs[0], twice)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return reduce(n, in[0], n.Attributes.Ints("axes"), 0, func(sum, x float64) float64 { return sum + x*x }, nil)
	},
})
