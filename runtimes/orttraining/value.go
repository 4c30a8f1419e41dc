package orttraining

/*
#include "api.h"

// What tensors without elements point to: the library wants an address.
static char pmx_nothing[8];
static void *pmx_no_data(void) { return pmx_nothing; }
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"pmx/onnxgraph"
)

// Value is a tensor whose memory the library reads and writes in place. The tensor
// stays pinned until Close.
type Value struct {
	library *Library
	tensor  *onnxgraph.Tensor
	pinner  runtime.Pinner
	value   C.handle
}

// NewValue lends a tensor to the library. It may have any rank and any element
// type that onnxgraph has data of.
func (l *Library) NewValue(t *onnxgraph.Tensor) (*Value, error) {
	v := &Value{library: l, tensor: t}
	data, bytes := C.pmx_no_data(), t.Bytes()
	if len(bytes) > 0 {
		data = unsafe.Pointer(&bytes[0])
		v.pinner.Pin(&bytes[0])
	}
	shape := t.Shape().Int64()
	err := l.check(C.pmx_create_value(l.api, l.memory, data, C.size_t(len(bytes)),
		(*C.int64_t)(unsafe.SliceData(shape)), C.size_t(len(shape)), C.int(t.DType()), &v.value))
	if err != nil {
		v.pinner.Unpin()
		return nil, fmt.Errorf("orttraining: %v: %w", t, err)
	}
	return v, nil
}

// Borrow gives a tensor of the library's that C code made, an OrtValue *, to run
// sessions on. It stays with its owner: the Value is not closed, and not used after
// the tensor was released.
func (l *Library) Borrow(value unsafe.Pointer) *Value {
	return &Value{library: l, value: C.handle(value)}
}

// Tensor is the tensor that was lent; nil if it was borrowed.
func (v *Value) Tensor() *onnxgraph.Tensor { return v.tensor }

// Close takes the tensor back.
func (v *Value) Close() error {
	release(v.library.api, C.ReleaseValue, &v.value)
	v.pinner.Unpin()
	return nil
}

// take copies a tensor that the library allocated, and releases it.
func (l *Library) take(value C.handle) (*onnxgraph.Tensor, error) {
	defer release(l.api, C.ReleaseValue, &value)
	var is C.int
	if err := l.check(C.pmx_is_tensor(l.api, value, &is)); err != nil {
		return nil, err
	}
	if is == 0 {
		return nil, errors.New("it is a sequence or map, not a tensor")
	}
	var info C.handle
	if err := l.check(C.pmx_type_and_shape(l.api, value, &info)); err != nil {
		return nil, err
	}
	defer release(l.api, C.ReleaseTensorTypeAndShapeInfo, &info)
	var dtype C.int
	var rank C.size_t
	if err := l.check(C.pmx_element_type(l.api, info, &dtype)); err != nil {
		return nil, err
	}
	if err := l.check(C.pmx_rank(l.api, info, &rank)); err != nil {
		return nil, err
	}
	dims := make([]int64, rank)
	if err := l.check(C.pmx_dims(l.api, info, (*C.int64_t)(unsafe.SliceData(dims)), rank)); err != nil {
		return nil, err
	}
	shape := make([]int, rank)
	for i, d := range dims {
		shape[i] = int(d)
	}
	t := onnxgraph.DType(dtype)
	if t.Size() == 0 {
		return nil, fmt.Errorf("elements of type %v are not supported", t)
	}
	var data unsafe.Pointer
	if err := l.check(C.pmx_data(l.api, value, &data)); err != nil {
		return nil, err
	}
	return onnxgraph.TensorFromBytes(t, shape, unsafe.Slice((*byte)(data), onnxgraph.Shape(shape).Size()*t.Size()))
}
