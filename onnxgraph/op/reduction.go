package op

import "pmx/onnxgraph"

// Shared pieces of reductions.

func keepdims(keep bool) onnxgraph.Attributes {
	if keep {
		return onnxgraph.Attributes{"keepdims": int64(1)}
	}
	return onnxgraph.Attributes{"keepdims": int64(0)}
}

// reducedAxes marks the axes that a node reduces: those listed, or all of them
// (none where noop_with_empty_axes is set).
func reducedAxes(n *onnxgraph.Node, rank int, axes []int) ([]bool, error) {
	marked := make([]bool, rank)
	if len(axes) == 0 && n.Attributes.Int("noop_with_empty_axes", 0) == 0 {
		for i := range marked {
			marked[i] = true
		}
		return marked, nil
	}
	return axesMarked(axes, rank)
}

// axesMarked marks the listed axes.
func axesMarked(axes []int, rank int) ([]bool, error) {
	resolved, err := axesOf(axes, rank)
	if err != nil {
		return nil, err
	}
	marked := make([]bool, rank)
	for _, a := range resolved {
		marked[a] = true
	}
	return marked, nil
}

func reducedShape(shape onnxgraph.Shape, marked []bool, keep bool) onnxgraph.Shape {
	out := onnxgraph.Shape{}
	for i, d := range shape {
		switch {
		case !marked[i]:
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

func reducedType(n *onnxgraph.Node, axes []int) ([]onnxgraph.Type, error) {
	x := n.Inputs[0].Type
	marked, err := reducedAxes(n, len(x.Shape), axes)
	if err != nil {
		return nil, err
	}
	return []onnxgraph.Type{{DType: x.DType, Shape: reducedShape(x.Shape, marked, n.Attributes.Int("keepdims", 1) == 1)}}, nil
}

// withReducedAxes views a reduction's result, or its cotangent, with the
// reduced dimensions as 1, so that it broadcasts against the input.
func withReducedAxes(n *onnxgraph.Node, y *onnxgraph.Value, axes []int) *onnxgraph.Value {
	if n.Attributes.Int("keepdims", 1) == 1 {
		return y
	}
	shape := n.Inputs[0].Shape
	marked, err := reducedAxes(n, len(shape), axes)
	if err != nil {
		onnxgraph.Fail(n.Op.ID(), n.Inputs, "%v", err)
	}
	return Reshape(y, reducedShape(shape, marked, true)...)
}

// reduce folds step over the reduced axes from start; finish, if given, maps the
// folded value and the number of elements that went into it.
func reduce(n *onnxgraph.Node, t *onnxgraph.Tensor, axes []int, start float64, step func(acc, x float64) float64, finish func(acc float64, count int) float64) ([]*onnxgraph.Tensor, error) {
	marked, err := reducedAxes(n, len(t.Shape()), axes)
	if err != nil {
		return nil, err
	}
	kept := reducedShape(t.Shape(), marked, true)
	acc := make([]float64, kept.Size())
	for i := range acc {
		acc[i] = start
	}
	fold(acc, t.Float64s(), t.Shape(), broadcastStrides(kept, t.Shape()), step)
	if finish != nil && len(acc) > 0 {
		count := t.Size() / len(acc)
		for i := range acc {
			acc[i] = finish(acc[i], count)
		}
	}
	shape := reducedShape(t.Shape(), marked, n.Attributes.Int("keepdims", 1) == 1)
	return alone(castTo(onnxgraph.NewTensor(shape, acc), t.DType()))
}

// fold steps each element of x into the accumulator that the strides lead to.
func fold(acc, x []float64, shape onnxgraph.Shape, stride []int, step func(acc, x float64) float64) {
	last := len(shape) - 1
	if last < 0 {
		acc[0] = step(acc[0], x[0])
		return
	}
	walk := newOdometer(shape[:last], stride[:last])
	for ; len(x) > 0; x = x[shape[last]:] {
		at := walk.at[0]
		for _, v := range x[:shape[last]] {
			acc[at] = step(acc[at], v)
			at += stride[last]
		}
		walk.next()
	}
}

// reductionOver gives the attributes of a reduction whose axes are an attribute,
// as they are on all but ReduceSum at opset 17.
func reductionOver(keep bool, axes []int) onnxgraph.Attributes {
	a := keepdims(keep)
	if len(axes) > 0 {
		a["axes"] = onnxgraph.IntsAttr(axes...)
	}
	return a
}

// reducedByAttribute infers a reduction whose axes are an attribute.
func reducedByAttribute(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	return reducedType(n, n.Attributes.Ints("axes"))
}

// reducedCount is the number of elements that go into one result.
func reducedCount(n *onnxgraph.Node) int {
	marked, err := reducedAxes(n, n.Inputs[0].Rank(), n.Attributes.Ints("axes"))
	if err != nil {
		onnxgraph.Fail(n.Op.ID(), n.Inputs, "%v", err)
	}
	count := 1
	for i, d := range n.Inputs[0].Shape {
		switch {
		case marked[i] && d == onnxgraph.Dynamic:
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "gradients need fixed sizes along the reduced axes")
		case marked[i]:
			count *= d
		}
	}
	return count
}

// reduceExtremeGrad is the gradient of ReduceMax and ReduceMin: it flows to the
// elements that equal the result, in equal shares.
func reduceExtremeGrad(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
	axes := n.Attributes.Ints("axes")
	y := withReducedAxes(n, n.Outputs[0], axes)
	hits := Cast(Equal(n.Inputs[0], y), y.DType)
	share := Div(withReducedAxes(n, dy[0], axes), ReduceSum(hits, true, axes...))
	return []*onnxgraph.Value{Mul(hits, share)}
}
