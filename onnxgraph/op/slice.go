package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Slice takes the elements start .. end-1 along one axis. Negative positions
// count from the end; positions past the end are cut to it. dx = dy, padded with
// zeros.
// https://onnx.ai/onnx/operators/onnx__Slice.html
func Slice(x *onnxgraph.Value, axis, start, end int) *onnxgraph.Value {
	return onnxgraph.Apply("Slice", nil, x, Ints(x, start), Ints(x, end), Ints(x, axis))
}

// SliceN is Slice along several axes, each with a step; steps may be nil (all 1)
// and negative ones walk backwards from start down to past end.
func SliceN(x *onnxgraph.Value, axes, starts, ends, steps []int) *onnxgraph.Value {
	if steps == nil {
		return onnxgraph.Apply("Slice", nil, x, Ints(x, starts...), Ints(x, ends...), Ints(x, axes...))
	}
	return onnxgraph.Apply("Slice", nil, x, Ints(x, starts...), Ints(x, ends...), Ints(x, axes...), Ints(x, steps...))
}

// ToEnd is an end of Slice past any dimension.
const ToEnd = math.MaxInt64

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Slice", SinceVersion: 13, Inputs: []string{"data", "starts", "ends", "axes?", "steps?"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		ranges, err := constSlice(n)
		if err != nil {
			return nil, err
		}
		shape := x.Shape.Clone()
		for _, r := range ranges {
			shape[r.axis] = r.count(x.Shape[r.axis])
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		ranges, err := constSlice(n)
		if err != nil {
			onnxgraph.Fail("Slice", n.Inputs, "%v", err)
		}
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		dx[0] = sliceGrad(dy[0], n.Inputs[0].Shape, ranges)
		return dx
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		lists := make([][]int, 4)
		for i := range lists {
			if i+1 < len(in) && in[i+1] != nil {
				lists[i] = toInts(in[i+1])
			}
		}
		ranges, err := sliceRanges(len(in[0].Shape()), lists[0], lists[1], lists[2], lists[3])
		if err != nil {
			return nil, err
		}
		shape := in[0].Shape().Clone()
		index := make([][]int, len(shape))
		for d, size := range shape {
			index[d] = span(size)
		}
		for _, r := range ranges {
			index[r.axis] = r.positions(in[0].Shape()[r.axis])
			shape[r.axis] = len(index[r.axis])
		}
		out := onnxgraph.Zeros(in[0].DType(), shape)
		selectOuter(out, in[0], index)
		return one(out)
	},
})

// sliceRange is what Slice takes along one axis.
type sliceRange struct{ axis, start, end, step int }

// constSlice reads the ranges of a node; they must be constants.
func constSlice(n *onnxgraph.Node) ([]sliceRange, error) {
	lists := make([][]int, 4)
	for i := range lists {
		var err error
		if lists[i], err = constInts(n, i+1); err != nil {
			return nil, err
		}
	}
	return sliceRanges(n.Inputs[0].Rank(), lists[0], lists[1], lists[2], lists[3])
}

func sliceRanges(rank int, starts, ends, axes, steps []int) ([]sliceRange, error) {
	if axes == nil {
		axes = span(len(starts))
	}
	if steps == nil {
		steps = make([]int, len(starts))
		for i := range steps {
			steps[i] = 1
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		return nil, fmt.Errorf("%d starts, %d ends, %d axes and %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	axes, err := axesOf(axes, rank)
	if err != nil {
		return nil, err
	}
	out := make([]sliceRange, len(starts))
	for i := range out {
		if steps[i] == 0 {
			return nil, fmt.Errorf("the step along axis %d is 0", axes[i])
		}
		out[i] = sliceRange{axes[i], starts[i], ends[i], steps[i]}
	}
	return out, nil
}

// bounds resolves negative positions and cuts both to the dimension.
func (r sliceRange) bounds(size int) (start, end int) {
	resolve := func(at, least, most int) int {
		if at < 0 {
			at += size
		}
		return min(max(at, least), most)
	}
	if r.step > 0 {
		return resolve(r.start, 0, size), resolve(r.end, 0, size)
	}
	return resolve(r.start, 0, size-1), resolve(r.end, -1, size-1)
}

// count is the number of positions, Dynamic where the dimension is.
func (r sliceRange) count(size int) int {
	if size == onnxgraph.Dynamic {
		return onnxgraph.Dynamic
	}
	start, end := r.bounds(size)
	switch {
	case r.step > 0 && start < end:
		return 1 + (end-start-1)/r.step
	case r.step < 0 && start > end:
		return 1 + (start-end-1)/-r.step
	}
	return 0
}

// positions lists what is taken of a dimension of fixed size.
func (r sliceRange) positions(size int) []int {
	start, _ := r.bounds(size)
	out := make([]int, r.count(size))
	for i := range out {
		out[i] = start + i*r.step
	}
	return out
}

// sliceGrad puts dy back where it was taken from: by Pad along the axes of step
// 1, by the gradient of Gather along the others.
func sliceGrad(dy *onnxgraph.Value, x onnxgraph.Shape, ranges []sliceRange) *onnxgraph.Value {
	pads := make([]int, 2*len(x))
	padded := false
	for _, r := range ranges {
		size := x[r.axis]
		if size == onnxgraph.Dynamic {
			onnxgraph.Fail("Slice", []*onnxgraph.Value{dy}, "gradients need fixed sizes along the sliced axes")
		}
		if r.step != 1 {
			dy = ungather(dy, r.positions(size), r.axis, size)
			continue
		}
		start, _ := r.bounds(size)
		before, after := start, size-start-r.count(size)
		pads[r.axis], pads[r.axis+len(x)] = before, after
		padded = padded || before > 0 || after > 0
	}
	if !padded {
		return dy
	}
	return Pad(dy, pads, 0)
}
