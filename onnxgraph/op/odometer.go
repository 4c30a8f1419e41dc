package op

import "pmx/onnxgraph"

// odometer counts through the indices of a shape, the last dimension fastest,
// and keeps the offsets into one or more operands that are read with strides.
type odometer struct {
	shape  onnxgraph.Shape
	stride [][]int // by operand, then dimension
	index  []int
	at     []int // current offset by operand
}

func newOdometer(shape onnxgraph.Shape, stride ...[]int) *odometer {
	return &odometer{shape: shape, stride: stride, index: make([]int, len(shape)), at: make([]int, len(stride))}
}

// next moves on by one; past the end it starts over.
func (o *odometer) next() {
	for d := len(o.shape) - 1; d >= 0; d-- {
		o.index[d]++
		for k := range o.at {
			o.at[k] += o.stride[k][d]
		}
		if o.index[d] < o.shape[d] {
			return
		}
		for k := range o.at {
			o.at[k] -= o.stride[k][d] * o.shape[d]
		}
		o.index[d] = 0
	}
}
