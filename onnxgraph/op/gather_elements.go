package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// GatherElements reads x element by element: the indices have x's rank and
// replace the position along the axis. dx = dy, added up where it was taken from.
// https://onnx.ai/onnx/operators/onnx__GatherElements.html
func GatherElements(x, indices *onnxgraph.Value, axis int) *onnxgraph.Value {
	return onnxgraph.Apply("GatherElements", onnxgraph.Attributes{"axis": int64(axis)}, x, indices)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "GatherElements", SinceVersion: 13, Inputs: []string{"data", "indices"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		if err := elementIndices(n); err != nil {
			return nil, err
		}
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: n.Inputs[1].Shape}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{scatterAdd(zerosLike(n.Inputs[0]), n.Inputs[1], dy[0], n.Attributes.Int("axis", 0)), nil}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		at, err := elementPositions(in[0].Shape(), in[1], n.Attributes.Int("axis", 0))
		if err != nil {
			return nil, err
		}
		out := onnxgraph.Zeros(in[0].DType(), in[1].Shape())
		size := out.DType().Size()
		from, to := in[0].Bytes(), out.Bytes()
		for _, k := range at {
			to = to[copy(to, from[k*size:(k+1)*size]):]
		}
		return one(out)
	},
})

// elementIndices checks the indices of GatherElements and ScatterElements.
func elementIndices(n *onnxgraph.Node) error {
	x, indices := n.Inputs[0].Shape, n.Inputs[1].Shape
	if err := integers(n, 1); err != nil {
		return err
	}
	at, err := axisOf(n.Attributes.Int("axis", 0), len(x))
	if err != nil {
		return err
	}
	if len(indices) != len(x) {
		return fmt.Errorf("indices %v and data %v differ in rank", indices, x)
	}
	for i, d := range indices {
		if i != at && d > x[i] && x[i] != onnxgraph.Dynamic {
			return fmt.Errorf("indices %v exceed data %v in dimension %d", indices, x, i)
		}
	}
	return constantIndices(n, x[at])
}

// elementPositions gives, for each index in turn, the offset in data of the
// element that it stands for.
func elementPositions(x onnxgraph.Shape, indices *onnxgraph.Tensor, axis int) ([]int, error) {
	axis, err := axisOf(axis, len(x))
	if err != nil {
		return nil, err
	}
	at, err := resolvedIndices(indices, x[axis])
	if err != nil {
		return nil, err
	}
	stride := strides(x)
	walk := newOdometer(indices.Shape(), stride)
	for i, k := range at {
		at[i] = walk.at[0] + (k-walk.index[axis])*stride[axis]
		walk.next()
	}
	return at, nil
}
