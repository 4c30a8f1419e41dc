package op

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// Split cuts x along an axis into parts of the given sizes.
// dx = the parts' cotangents, joined.
// https://onnx.ai/onnx/operators/onnx__Split.html
func Split(x *onnxgraph.Value, axis int, sizes ...int) []*onnxgraph.Value {
	return slices.Clone(onnxgraph.ApplyNode("Split", onnxgraph.Attributes{"axis": int64(axis)}, x, Ints(x, sizes...)).Outputs)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Split", SinceVersion: 13, Inputs: []string{"input", "split?"}, Outputs: []string{"outputs..."},
	// Without sizes ONNX cuts as many equal parts as the node has outputs, which
	// n.Outputs tells where the node is read from a file.
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		axis, err := axisOf(n.Attributes.Int("axis", 0), x.Rank())
		if err != nil {
			return nil, err
		}
		sizes, err := constInts(n, 1)
		if err := firstError(err, notNegative(sizes)); err != nil {
			return nil, err
		}
		if sizes == nil {
			if sizes, err = equalParts(x.Shape[axis], len(n.Outputs)); err != nil {
				return nil, err
			}
		}
		total := 0
		out := make([]onnxgraph.Type, len(sizes))
		for i, size := range sizes {
			shape := x.Shape.Clone()
			shape[axis] = size
			out[i] = onnxgraph.Type{DType: x.DType, Shape: shape}
			total += size
		}
		if len(out) == 0 || x.Shape[axis] != onnxgraph.Dynamic && total != x.Shape[axis] {
			return nil, fmt.Errorf("sizes %v do not add up to dimension %d of %v", sizes, axis, x.Shape)
		}
		return out, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		parts := make([]*onnxgraph.Value, len(dy))
		for i, g := range dy {
			if parts[i] = g; g == nil {
				parts[i] = zerosLike(n.Outputs[i])
			}
		}
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		dx[0] = Concat(n.Attributes.Int("axis", 0), parts...)
		return dx
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape := in[0].Shape()
		axis, err := axisOf(n.Attributes.Int("axis", 0), len(shape))
		if err != nil {
			return nil, err
		}
		out := make([]*onnxgraph.Tensor, len(n.Outputs))
		start := 0
		for i, v := range n.Outputs {
			index := make([][]int, len(shape))
			for d, size := range shape {
				index[d] = span(size)
			}
			size := v.Shape[axis]
			index[axis] = index[axis][start : start+size]
			start += size
			part := shape.Clone()
			part[axis] = size
			out[i] = onnxgraph.Zeros(in[0].DType(), part)
			selectOuter(out[i], in[0], index)
		}
		return out, nil
	},
})

// equalParts cuts a dimension into count equal parts.
func equalParts(size, count int) ([]int, error) {
	if count == 0 || size == onnxgraph.Dynamic || size%count != 0 {
		return nil, fmt.Errorf("a dimension of %d cannot be cut into %d equal parts", size, count)
	}
	sizes := make([]int, count)
	for i := range sizes {
		sizes[i] = size / count
	}
	return sizes, nil
}
