package op

import (
	"pmx/onnxgraph"
)

// Shared pieces of element-wise operators.

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

// mapUnary evaluates y_i = f(x_i) on float64.
func mapUnary(f func(float64) float64) func(*onnxgraph.Node, []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
	return func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		x := onnxgraph.Data[float64](in[0])
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = f(v)
		}
		return one(onnxgraph.NewTensor(in[0].Shape(), y))
	}
}

// broadcastMap evaluates z = f(x, y) under broadcasting.
func broadcastMap[T, U onnxgraph.Element](a, b *onnxgraph.Tensor, f func(x, y T) U) *onnxgraph.Tensor {
	shape, err := onnxgraph.Broadcast(a.Shape(), b.Shape())
	if err != nil {
		panic(err) // shape inference has refused it already
	}
	x, y := onnxgraph.Data[T](a), onnxgraph.Data[T](b)
	z := make([]U, shape.Size())
	if a.Shape().Equal(shape) && b.Shape().Equal(shape) {
		for i := range z {
			z[i] = f(x[i], y[i])
		}
		return onnxgraph.NewTensor(shape, z)
	}
	sa, sb := broadcastStrides(a.Shape(), shape), broadcastStrides(b.Shape(), shape)
	index := make([]int, len(shape))
	ia, ib := 0, 0
	for i := range z {
		z[i] = f(x[ia], y[ib])
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			ia, ib = ia+sa[d], ib+sb[d]
			if index[d] < shape[d] {
				break
			}
			ia, ib = ia-sa[d]*shape[d], ib-sb[d]*shape[d]
			index[d] = 0
		}
	}
	return onnxgraph.NewTensor(shape, z)
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
