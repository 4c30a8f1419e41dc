package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Unsqueeze inserts dimensions of size 1, so that they lie at the listed axes of
// the result. dx = dy without them.
// https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
func Unsqueeze(x *onnxgraph.Value, axes ...int) *onnxgraph.Value {
	return onnxgraph.Apply("Unsqueeze", nil, x, Ints(x, axes...))
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Unsqueeze", SinceVersion: 13, Inputs: []string{"data", "axes"}, Outputs: []string{"expanded"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		axes, err := constInts(n, 1)
		if err != nil {
			return nil, err
		}
		shape, err := unsqueezed(n.Inputs[0].Shape, axes)
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		axes, _ := constInts(n, 1)
		return []*onnxgraph.Value{Squeeze(dy[0], axes...), nil}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape, err := unsqueezed(in[0].Shape(), toInts(in[1]))
		if err != nil {
			return nil, err
		}
		return one(in[0].WithShape(shape))
	},
})

func unsqueezed(x onnxgraph.Shape, axes []int) (onnxgraph.Shape, error) {
	out := make(onnxgraph.Shape, len(x)+len(axes))
	axes, err := axesOf(axes, len(out))
	if err != nil {
		return nil, err
	}
	for _, a := range axes {
		if out[a] == 1 {
			return nil, fmt.Errorf("axis %d is listed twice", a)
		}
		out[a] = 1
	}
	next := 0
	for i := range out {
		if out[i] == 0 {
			out[i] = x[next]
			next++
		}
	}
	return out, nil
}
