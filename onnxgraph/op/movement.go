package op

import (
	"unsafe"

	"pmx/onnxgraph"
)

// Pieces of Eval that move elements without looking at them. They work on words
// of the element's size, so that one copy serves every element type.

type word interface {
	uint8 | uint16 | uint32 | uint64
}

// words views a tensor's elements as words of their size, not copied.
func words[T word](t *onnxgraph.Tensor) []T {
	b := t.Bytes()
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/int(unsafe.Sizeof(T(0))))
}

// gatherStrided makes a tensor of the given shape whose elements are read from t
// with the given stride along each dimension: a transpose, a repeat or a view.
func gatherStrided(t *onnxgraph.Tensor, shape onnxgraph.Shape, stride []int) *onnxgraph.Tensor {
	out := onnxgraph.Zeros(t.DType(), shape)
	switch t.DType().Size() {
	case 1:
		readStrided(words[uint8](out), words[uint8](t), shape, stride)
	case 2:
		readStrided(words[uint16](out), words[uint16](t), shape, stride)
	case 4:
		readStrided(words[uint32](out), words[uint32](t), shape, stride)
	case 8:
		readStrided(words[uint64](out), words[uint64](t), shape, stride)
	}
	return out
}

func readStrided[T word](out, data []T, shape onnxgraph.Shape, stride []int) {
	if len(shape) == 0 {
		out[0] = data[0]
		return
	}
	inner, step := shape[len(shape)-1], stride[len(shape)-1]
	walk := newOdometer(shape[:len(shape)-1], stride[:len(shape)-1])
	for i := 0; i < len(out); i += inner {
		at := walk.at[0]
		for k := range inner {
			out[i+k] = data[at]
			at += step
		}
		walk.next()
	}
}

// selectOuter reads t at the outer product of one index list per dimension. An
// element with an index of -1 anywhere keeps what out holds.
func selectOuter(out, t *onnxgraph.Tensor, index [][]int) {
	switch t.DType().Size() {
	case 1:
		readOuter(words[uint8](out), words[uint8](t), t.Shape(), index)
	case 2:
		readOuter(words[uint16](out), words[uint16](t), t.Shape(), index)
	case 4:
		readOuter(words[uint32](out), words[uint32](t), t.Shape(), index)
	case 8:
		readOuter(words[uint64](out), words[uint64](t), t.Shape(), index)
	}
}

func readOuter[T word](out, data []T, shape onnxgraph.Shape, index [][]int) {
	if len(index) == 0 {
		out[0] = data[0]
		return
	}
	rest := shape[1:].Size()
	outRest := 1
	for _, list := range index[1:] {
		outRest *= len(list)
	}
	for i, k := range index[0] {
		switch {
		case k < 0:
		case len(index) == 1:
			out[i] = data[k]
		default:
			readOuter(out[i*outRest:(i+1)*outRest], data[k*rest:(k+1)*rest], shape[1:], index[1:])
		}
	}
}

// span lists 0 .. n-1: the index list of a dimension that is taken whole.
func span(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// outerInner splits a shape at an axis into the products before and after it.
func outerInner(shape onnxgraph.Shape, axis int) (outer, inner int) {
	return shape[:axis].Size(), shape[axis+1:].Size()
}
