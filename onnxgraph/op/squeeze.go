package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Squeeze drops dimensions of size 1: those listed, or all of them if none is.
// dx = dy with the dimensions put back.
// https://onnx.ai/onnx/operators/onnx__Squeeze.html
func Squeeze(x *onnxgraph.Value, axes ...int) *onnxgraph.Value {
	if len(axes) == 0 {
		return onnxgraph.Apply("Squeeze", nil, x)
	}
	return onnxgraph.Apply("Squeeze", nil, x, Ints(x, axes...))
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Squeeze", SinceVersion: 13, Inputs: []string{"data", "axes?"}, Outputs: []string{"squeezed"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		axes, err := constInts(n, 1)
		if err != nil {
			return nil, err
		}
		shape, err := squeezed(n.Inputs[0].Shape, axes)
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return append([]*onnxgraph.Value{Reshape(dy[0], n.Inputs[0].Shape...)}, make([]*onnxgraph.Value, len(n.Inputs)-1)...)
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		var axes []int
		if len(in) > 1 {
			axes = toInts(in[1])
		}
		shape, err := squeezed(in[0].Shape(), axes)
		if err != nil {
			return nil, err
		}
		return one(in[0].WithShape(shape))
	},
})

func squeezed(x onnxgraph.Shape, axes []int) (onnxgraph.Shape, error) {
	if len(axes) == 0 {
		if !x.Static() {
			return nil, fmt.Errorf("cannot squeeze %v without axes: a Dynamic dimension may be 1 or not", x)
		}
		for i, d := range x {
			if d == 1 {
				axes = append(axes, i)
			}
		}
	}
	drop, err := axesMarked(axes, len(x))
	if err != nil {
		return nil, err
	}
	for i, d := range x {
		if drop[i] && d != 1 && d != onnxgraph.Dynamic {
			return nil, fmt.Errorf("cannot squeeze dimension %d of %v: it is %d, not 1", i, x, d)
		}
	}
	return reducedShape(x, drop, false), nil
}
