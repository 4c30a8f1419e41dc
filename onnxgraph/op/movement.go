package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// gatherStrided makes a tensor of the given shape whose elements are read from t
// with the given stride along each dimension: a transpose, a repeat or a view.
func gatherStrided(t *onnxgraph.Tensor, shape onnxgraph.Shape, stride []int) *onnxgraph.Tensor {
	switch t.DType() {
	case onnxgraph.Float64:
		return onnxgraph.NewTensor(shape, strided(onnxgraph.Data[float64](t), shape, stride))
	case onnxgraph.Float32:
		return onnxgraph.NewTensor(shape, strided(onnxgraph.Data[float32](t), shape, stride))
	case onnxgraph.Int64:
		return onnxgraph.NewTensor(shape, strided(onnxgraph.Data[int64](t), shape, stride))
	case onnxgraph.Int32:
		return onnxgraph.NewTensor(shape, strided(onnxgraph.Data[int32](t), shape, stride))
	case onnxgraph.Uint8:
		return onnxgraph.NewTensor(shape, strided(onnxgraph.Data[uint8](t), shape, stride))
	case onnxgraph.Bool:
		return onnxgraph.NewTensor(shape, strided(onnxgraph.Data[bool](t), shape, stride))
	}
	panic(fmt.Sprintf("onnxgraph: Eval cannot move elements of %v", t.DType()))
}

func strided[T any](data []T, shape onnxgraph.Shape, stride []int) []T {
	out := make([]T, shape.Size())
	index := make([]int, len(shape))
	at := 0
	for i := range out {
		out[i] = data[at]
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			at += stride[d]
			if index[d] < shape[d] {
				break
			}
			at -= stride[d] * shape[d]
			index[d] = 0
		}
	}
	return out
}
