package op

import (
	"math"

	"pmx/onnxgraph"
)

// ReduceMin takes the smallest element over axes (all of them if none is given); with
// keep the reduced dimensions stay as 1. Where k elements tie, each gets dy / k;
// the others get 0.
// https://onnx.ai/onnx/operators/onnx__ReduceMin.html
func ReduceMin(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value {
	return onnxgraph.Apply("ReduceMin", reductionOver(keep, axes), x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ReduceMin", SinceVersion: 13, Inputs: []string{"data"}, Outputs: []string{"reduced"},
	Infer: numeric(reducedByAttribute),
	Grad:  onnxgraph.Differentiable(reduceExtremeGrad),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return reduce(n, in[0], n.Attributes.Ints("axes"), math.Inf(1),
			func(best, x float64) float64 { return min(best, x) }, nil)
	},
})
