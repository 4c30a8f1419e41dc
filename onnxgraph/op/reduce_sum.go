package op

import "pmx/onnxgraph"

// ReduceSum sums over axes (all of them if none is given); with keep the summed
// dimensions stay as 1. dx = dy, repeated along the summed axes.
// https://onnx.ai/onnx/operators/onnx__ReduceSum.html
func ReduceSum(x *onnxgraph.Value, keep bool, axes ...int) *onnxgraph.Value {
	if len(axes) == 0 {
		return onnxgraph.Apply("ReduceSum", keepdims(keep), x)
	}
	return onnxgraph.Apply("ReduceSum", keepdims(keep), x, Ints(x, axes...))
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ReduceSum", SinceVersion: 13, Inputs: []string{"data", "axes?"}, Outputs: []string{"reduced"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		axes, err := constInts(n, 1)
		if err != nil {
			return nil, err
		}
		return reducedType(n, axes)
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		axes, _ := constInts(n, 1)
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		dx[0] = expandAs(withReducedAxes(n, dy[0], axes), n.Inputs[0])
		return dx
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		var axes []int
		if len(in) > 1 && in[1] != nil {
			axes = toInts(in[1])
		}
		return reduce(n, in[0], axes, 0, func(sum, x float64) float64 { return sum + x }, nil)
	},
})
