package runtimes

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/onnxgraph"
)

// buffer is a tensor whose memory ONNX Runtime reads and writes in place.
type buffer struct {
	tensor *onnxgraph.Tensor
	value  *ort.CustomDataTensor
}

// newNumber is a buffer of one float.
func newNumber() (buffer, error) { return wrap(onnxgraph.Zeros(onnxgraph.Float32, []int{1})) }

func wrap(t *onnxgraph.Tensor) (buffer, error) {
	shape := t.Shape().Int64()
	if len(shape) == 0 {
		return buffer{}, fmt.Errorf("runtimes: onnxruntime_go takes no tensor of rank 0")
	}
	v, err := ort.NewCustomDataTensor(shape, t.Bytes(), ort.TensorElementDataType(t.DType()))
	if err != nil {
		return buffer{}, fmt.Errorf("runtimes: %v: %w", t, err)
	}
	return buffer{t, v}, nil
}

func (b buffer) destroy() {
	if b.value != nil {
		b.value.Destroy()
	}
}

// copyOut copies a tensor that ONNX Runtime allocated.
func copyOut(v ort.Value) (*onnxgraph.Tensor, error) {
	shape := make([]int, len(v.GetShape()))
	for i, d := range v.GetShape() {
		shape[i] = int(d)
	}
	switch t := v.(type) {
	case *ort.Tensor[float32]:
		return onnxgraph.NewTensor(shape, append([]float32(nil), t.GetData()...)), nil
	case *ort.Tensor[float64]:
		return onnxgraph.NewTensor(shape, append([]float64(nil), t.GetData()...)), nil
	case *ort.Tensor[int64]:
		return onnxgraph.NewTensor(shape, append([]int64(nil), t.GetData()...)), nil
	case *ort.Tensor[int32]:
		return onnxgraph.NewTensor(shape, append([]int32(nil), t.GetData()...)), nil
	case *ort.Tensor[uint8]:
		return onnxgraph.NewTensor(shape, append([]uint8(nil), t.GetData()...)), nil
	case *ort.Tensor[bool]:
		return onnxgraph.NewTensor(shape, append([]bool(nil), t.GetData()...)), nil
	}
	return nil, fmt.Errorf("element type %v is not read", v.DataType())
}
