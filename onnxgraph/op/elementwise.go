package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Shared pieces of element-wise operators.

// evalFunc is the type of onnxgraph.OpSchema.Eval.
type evalFunc = func(*onnxgraph.Node, []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error)

// sameType infers one output of the first input's type.
func sameType(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	return []onnxgraph.Type{n.Inputs[0].Type}, nil
}

// broadcastType infers the broadcast of two inputs of one element type.
func broadcastType(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	a, b := n.Inputs[0].Type, n.Inputs[1].Type
	if err := sameDType(a, b); err != nil {
		return nil, err
	}
	shape, err := onnxgraph.Broadcast(a.Shape, b.Shape)
	return []onnxgraph.Type{{DType: a.DType, Shape: shape}}, err
}

// broadcastBool infers a comparison: the broadcast of two inputs, of type bool.
func broadcastBool(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	t, err := broadcastType(n)
	if err != nil {
		return nil, err
	}
	t[0].DType = onnxgraph.Bool
	return t, nil
}

// mapUnary evaluates y_i = f(x_i) on floats.
func mapUnary(f func(float64) float64) evalFunc {
	return func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		if in[0].DType() != onnxgraph.Float64 {
			return nil, fmt.Errorf("Eval takes floats here, got %v", in[0].DType())
		}
		return one(onnxgraph.NewTensor(in[0].Shape(), mapSlice(onnxgraph.Data[float64](in[0]), f)))
	}
}

func mapSlice[T, U any](x []T, f func(T) U) []U {
	y := make([]U, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// broadcastMap evaluates z = f(x, y) under broadcasting.
func broadcastMap[T, U onnxgraph.Element](a, b *onnxgraph.Tensor, f func(x, y T) U) (*onnxgraph.Tensor, error) {
	shape, err := onnxgraph.Broadcast(a.Shape(), b.Shape())
	if err != nil {
		return nil, err // sizes that were Dynamic when the graph was built
	}
	x, y := onnxgraph.Data[T](a), onnxgraph.Data[T](b)
	z := make([]U, shape.Size())
	if a.Shape().Equal(shape) && b.Shape().Equal(shape) {
		for i := range z {
			z[i] = f(x[i], y[i])
		}
		return onnxgraph.NewTensor(shape, z), nil
	}
	last := len(shape) - 1
	sa, sb := broadcastStrides(a.Shape(), shape), broadcastStrides(b.Shape(), shape)
	walk := newOdometer(shape[:last], sa[:last], sb[:last])
	for i := 0; i < len(z); i += shape[last] {
		ia, ib := walk.at[0], walk.at[1]
		for k := i; k < i+shape[last]; k++ {
			z[k] = f(x[ia], y[ib])
			ia, ib = ia+sa[last], ib+sb[last]
		}
		walk.next()
	}
	return onnxgraph.NewTensor(shape, z), nil
}

// strides gives the distance of neighbours along each dimension, row-major.
func strides(shape onnxgraph.Shape) []int {
	s := make([]int, len(shape))
	step := 1
	for d := len(shape) - 1; d >= 0; d-- {
		s[d] = step
		step *= shape[d]
	}
	return s
}

// broadcastStrides are the strides of a tensor read as if it had shape to: 0
// along the dimensions that repeat.
func broadcastStrides(from, to onnxgraph.Shape) []int {
	own := strides(from)
	s := make([]int, len(to))
	for d := range from {
		if from[d] != 1 {
			s[d+len(to)-len(from)] = own[d]
		}
	}
	return s
}

// one returns a single output from Eval.
func one(t *onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) { return []*onnxgraph.Tensor{t}, nil }

// alone returns a single output from Eval unless there is an error.
func alone(t *onnxgraph.Tensor, err error) ([]*onnxgraph.Tensor, error) {
	if err != nil {
		return nil, err
	}
	return one(t)
}
