package op

import (
	"fmt"
	"sort"

	"pmx/onnxgraph"
)

// TopK returns the k largest elements along an axis, largest first, and their
// positions as int64; of equal elements the first comes first. dx = the values'
// cotangent at the positions, 0 elsewhere.
// https://onnx.ai/onnx/operators/onnx__TopK.html
func TopK(x *onnxgraph.Value, k, axis int) (values, indices *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("TopK", onnxgraph.Attributes{"axis": int64(axis)}, x, Ints(x, k))
	return n.Outputs[0], n.Outputs[1]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "TopK", SinceVersion: 11, Inputs: []string{"X", "K"}, Outputs: []string{"Values", "Indices"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		axis, err := axisOf(n.Attributes.Int("axis", -1), x.Rank())
		if err != nil {
			return nil, err
		}
		if !n.Inputs[1].Shape.Fits(onnxgraph.Shape{1}) {
			return nil, fmt.Errorf("input K is %v, want [1]", n.Inputs[1].Shape)
		}
		if err := integers(n, 1); err != nil {
			return nil, err
		}
		shape := x.Shape.Clone()
		shape[axis] = onnxgraph.Dynamic
		if c := n.Inputs[1].Constant(); c != nil {
			k := toInts(c)[0]
			if k < 0 || x.Shape[axis] != onnxgraph.Dynamic && k > x.Shape[axis] {
				return nil, fmt.Errorf("K %d does not fit dimension %d of %v", k, axis, x.Shape)
			}
			shape[axis] = k
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}, {DType: onnxgraph.Int64, Shape: shape}}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if dy[0] == nil {
			return []*onnxgraph.Value{nil, nil}
		}
		dx := ScatterElements(zerosLike(n.Inputs[0]), n.Outputs[1], dy[0], n.Attributes.Int("axis", -1), "none")
		return []*onnxgraph.Value{dx, nil}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape, k := in[0].Shape(), toInts(in[1])[0]
		axis, err := axisOf(n.Attributes.Int("axis", -1), len(shape))
		if err != nil {
			return nil, err
		}
		length := shape[axis]
		if k < 0 || k > length { // computed in the graph
			return nil, fmt.Errorf("K %d does not fit dimension %d of %v", k, axis, shape)
		}
		largest := n.Attributes.Int("largest", 1) == 1
		x := in[0].Float64s()
		outShape := shape.Clone()
		outShape[axis] = k
		values, indices := make([]float64, outShape.Size()), make([]int64, outShape.Size())
		outer, inner := outerInner(shape, axis)
		for i := range outer * inner {
			start := i/inner*length*inner + i%inner
			order := span(length)
			sort.SliceStable(order, func(a, b int) bool {
				va, vb := x[start+order[a]*inner], x[start+order[b]*inner]
				if largest {
					return va > vb
				}
				return va < vb
			})
			for r, at := range order[:k] {
				to := i/inner*k*inner + r*inner + i%inner
				values[to], indices[to] = x[start+at*inner], int64(at)
			}
		}
		top, err := castTo(onnxgraph.NewTensor(outShape, values), in[0].DType())
		return []*onnxgraph.Tensor{top, onnxgraph.NewTensor(outShape, indices)}, err
	},
})
