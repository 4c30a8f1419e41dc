package op

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// Gather takes slices of x along an axis at integer indices of any shape; the
// result has the indices' dimensions in place of the axis. Negative indices count
// from the end. dx = dy, added up where it was taken from.
// https://onnx.ai/onnx/operators/onnx__Gather.html
func Gather(x, indices *onnxgraph.Value, axis int) *onnxgraph.Value {
	return onnxgraph.Apply("Gather", onnxgraph.Attributes{"axis": int64(axis)}, x, indices)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Gather", SinceVersion: 13, Inputs: []string{"data", "indices"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, indices := n.Inputs[0], n.Inputs[1]
		axis, err := axisOf(n.Attributes.Int("axis", 0), x.Rank())
		if err != nil {
			return nil, err
		}
		if err := integers(n, 1); err != nil {
			return nil, err
		}
		if err := constantIndices(n, x.Shape[axis]); err != nil {
			return nil, err
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: slices.Concat(x.Shape[:axis], indices.Shape, x.Shape[axis+1:])}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		x, indices := n.Inputs[0], n.Inputs[1]
		if !x.Shape.Static() || !indices.Shape.Static() {
			onnxgraph.Fail("Gather", n.Inputs, "gradients need fixed shapes")
		}
		axis, _ := axisOf(n.Attributes.Int("axis", 0), x.Rank())
		size, count := x.Shape[axis], indices.Shape.Size()
		rows := dy[0] // with the indices' dimensions as one
		if indices.Rank() != 1 {
			rows = Reshape(rows, slices.Concat(x.Shape[:axis], []int{count}, x.Shape[axis+1:])...)
		}
		if c := indices.Constant(); c != nil {
			at, err := resolvedIndices(c, size)
			if err != nil {
				onnxgraph.Fail("Gather", n.Inputs, "%v", err)
			}
			if !hasRepeats(at) {
				return []*onnxgraph.Value{ungather(rows, at, axis, size), nil}
			}
		}
		flat := make([]int, x.Rank())
		for i := range flat {
			flat[i] = 1
		}
		flat[axis] = count
		at := Expand(Reshape(indices, flat...), rows.Shape...)
		return []*onnxgraph.Value{scatterAdd(zerosLike(x), at, rows, axis), nil}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		x := in[0]
		axis, err := axisOf(n.Attributes.Int("axis", 0), len(x.Shape()))
		if err != nil {
			return nil, err
		}
		at, err := resolvedIndices(in[1], x.Shape()[axis])
		if err != nil {
			return nil, err
		}
		out := onnxgraph.Zeros(x.DType(), slices.Concat(x.Shape()[:axis], in[1].Shape(), x.Shape()[axis+1:]))
		outer, run := outerInner(x.Shape(), axis)
		run *= x.DType().Size()
		from, to := x.Bytes(), out.Bytes()
		for i := range outer {
			for _, k := range at {
				start := (i*x.Shape()[axis] + k) * run
				to = to[copy(to, from[start:start+run]):]
			}
		}
		return one(out)
	},
})

// constantIndices refuses constant indices outside of a dimension.
func constantIndices(n *onnxgraph.Node, size int) error {
	c := n.Inputs[1].Constant()
	if c == nil || size == onnxgraph.Dynamic {
		return nil
	}
	_, err := resolvedIndices(c, size)
	return err
}

// resolvedIndices reads indices into a dimension, negative ones from its end.
func resolvedIndices(t *onnxgraph.Tensor, size int) ([]int, error) {
	out := toInts(t)
	for i, k := range out {
		if k < -size || k >= size {
			return nil, fmt.Errorf("index %d is outside a dimension of %d", k, size)
		}
		if k < 0 {
			out[i] = k + size
		}
	}
	return out, nil
}

func hasRepeats(v []int) bool {
	seen := make(map[int]bool, len(v))
	for _, k := range v {
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}

// ungather is the transpose of taking distinct positions along an axis of the
// given size: position at[i] of the result holds y's position i, the others 0. It
// is a Pad where the positions are consecutive and a Gather otherwise, because
// stock runtimes do both in one pass.
func ungather(y *onnxgraph.Value, at []int, axis, size int) *onnxgraph.Value {
	if len(at) == 0 {
		shape := y.Shape.Clone()
		shape[axis] = size
		return Expand(Scalar(y, 0), shape...)
	}
	if consecutive(at) {
		if len(at) == size {
			return y
		}
		pads := make([]int, 2*y.Rank())
		pads[axis], pads[axis+y.Rank()] = at[0], size-at[0]-len(at)
		return Pad(y, pads, 0)
	}
	back := make([]int, size)
	for i := range back {
		back[i] = len(at) // the row of zeros below
	}
	for i, k := range at {
		back[k] = i
	}
	if len(at) < size {
		pads := make([]int, 2*y.Rank())
		pads[axis+y.Rank()] = 1
		y = Pad(y, pads, 0)
	}
	return Gather(y, Ints(y, back...), axis)
}

func consecutive(v []int) bool {
	for i, k := range v {
		if k != v[0]+i {
			return false
		}
	}
	return true
}
