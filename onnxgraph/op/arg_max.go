package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// ArgMax returns the position of the largest element along an axis as int64, the
// first of several; with keep the axis stays as 1. Nothing flows back.
// https://onnx.ai/onnx/operators/onnx__ArgMax.html
func ArgMax(x *onnxgraph.Value, axis int, keep bool) *onnxgraph.Value {
	attributes := keepdims(keep)
	attributes["axis"] = int64(axis)
	return onnxgraph.Apply("ArgMax", attributes, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ArgMax", SinceVersion: 13, Inputs: []string{"data"}, Outputs: []string{"reduced"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		marked, err := axesMarked([]int{n.Attributes.Int("axis", 0)}, n.Inputs[0].Rank())
		if err != nil {
			return nil, err
		}
		if axis, _ := axisOf(n.Attributes.Int("axis", 0), n.Inputs[0].Rank()); n.Inputs[0].Shape[axis] == 0 {
			return nil, fmt.Errorf("no largest element along an empty axis")
		}
		shape := reducedShape(n.Inputs[0].Shape, marked, n.Attributes.Int("keepdims", 1) == 1)
		return []onnxgraph.Type{{DType: onnxgraph.Int64, Shape: shape}}, nil
	}),
	Grad: onnxgraph.ZeroGradient("a position is constant almost everywhere"),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape := in[0].Shape()
		marked, err := axesMarked([]int{n.Attributes.Int("axis", 0)}, len(shape))
		if err != nil {
			return nil, err
		}
		axis, _ := axisOf(n.Attributes.Int("axis", 0), len(shape))
		if shape[axis] == 0 {
			return nil, fmt.Errorf("no largest element along an empty axis")
		}
		last := n.Attributes.Int("select_last_index", 0) == 1
		x := in[0].Float64s()
		outer, inner := outerInner(shape, axis)
		at := make([]int64, outer*inner)
		for i := range at {
			start := i/inner*shape[axis]*inner + i%inner
			best := x[start]
			for k := 1; k < shape[axis]; k++ {
				if v := x[start+k*inner]; v > best || last && v == best {
					best, at[i] = v, int64(k)
				}
			}
		}
		return one(onnxgraph.NewTensor(reducedShape(shape, marked, n.Attributes.Int("keepdims", 1) == 1), at))
	},
})
