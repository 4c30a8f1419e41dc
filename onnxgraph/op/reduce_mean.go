package op

import "pmx/onnxgraph"

// ReduceMean averages over axes (all of them if none is given); with keep the
// reduced dimensions stay as 1. dx = dy / count, repeated along the axes.
// https://onnx.ai/onnx/operators/onnx__ReduceMean.html
func ReduceMean(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value {
	return onnxgraph.Apply("ReduceMean", reductionOver(keep, axes), x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ReduceMean", SinceVersion: 13, Inputs: []string{"data"}, Outputs: []string{"reduced"},
	Infer: numeric(reducedByAttribute),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		share := Mul(dy[0], Scalar(dy[0], 1/float64(reducedCount(n))))
		return []*onnxgraph.Value{expandAs(withReducedAxes(n, share, n.Attributes.Ints("axes")), n.Inputs[0])}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return reduce(n, in[0], n.Attributes.Ints("axes"), 0,
			func(sum, x float64) float64 { return sum + x },
			func(sum float64, count int) float64 { return sum / float64(count) })
	},
})
