package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// Element lists the Go types that tensor data comes in.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool
}

// Tensor is data on the host: an element type, a shape and a flat slice of
// elements, row-major. Float16 and BFloat16 data is a []uint16 of bit patterns.
type Tensor struct {
	dtype DType
	shape Shape
	data  any
}

// NewTensor wraps data (not copied) of the given shape. It panics if the number
// of elements differs from the shape's.
func NewTensor[T Element](shape []int, data []T) *Tensor {
	if n := Shape(shape).Size(); n != len(data) {
		panic(fmt.Sprintf("onnxgraph: shape %v holds %d elements, got %d", Shape(shape), n, len(data)))
	}
	return &Tensor{dtype: dtypeOf[T](), shape: Shape(shape).Clone(), data: data}
}

// ScalarTensor makes a tensor of rank 0.
func ScalarTensor[T Element](v T) *Tensor { return NewTensor(nil, []T{v}) }

// Zeros makes a tensor of zeros. It panics for String and unknown types.
func Zeros(dtype DType, shape []int) *Tensor {
	n := Shape(shape).Size()
	t := &Tensor{dtype: dtype, shape: Shape(shape).Clone()}
	switch dtype {
	case Float32:
		t.data = make([]float32, n)
	case Float64:
		t.data = make([]float64, n)
	case Int8:
		t.data = make([]int8, n)
	case Int16:
		t.data = make([]int16, n)
	case Int32:
		t.data = make([]int32, n)
	case Int64:
		t.data = make([]int64, n)
	case Uint8:
		t.data = make([]uint8, n)
	case Uint16, Float16, BFloat16:
		t.data = make([]uint16, n)
	case Uint32:
		t.data = make([]uint32, n)
	case Uint64:
		t.data = make([]uint64, n)
	case Bool:
		t.data = make([]bool, n)
	default:
		panic(fmt.Sprintf("onnxgraph: no tensor of %v can be made", dtype))
	}
	return t
}

// TensorFromBytes reads little-endian elements, the raw_data of ONNX and the
// data of safetensors. The length of raw must be the shape's size times the
// element's. The bytes are copied.
func TensorFromBytes(dtype DType, shape []int, raw []byte) (*Tensor, error) {
	if dtype.Size() == 0 {
		return nil, fmt.Errorf("onnxgraph: tensors of %v are not supported", dtype)
	}
	n, err := CheckedSize(Shape(shape).Int64(), math.MaxInt64/8)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: %w", err)
	}
	if len(raw) != n*dtype.Size() {
		return nil, fmt.Errorf("onnxgraph: %v%v needs %d bytes, got %d", dtype, Shape(shape), n*dtype.Size(), len(raw))
	}
	t := Zeros(dtype, shape)
	if b, ok := t.data.([]bool); ok { // a Go bool must be 0 or 1
		for i, v := range raw {
			b[i] = v != 0
		}
		return t, nil
	}
	copy(t.Bytes(), raw)
	return t, nil
}

// DType is the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Shape lists the dimensions. It must not be changed.
func (t *Tensor) Shape() Shape { return t.shape }

// Size is the number of elements.
func (t *Tensor) Size() int { return t.shape.Size() }

// Data is the tensor's elements, not copied. It panics if T is not the Go type
// of the tensor's element type.
func Data[T Element](t *Tensor) []T {
	d, ok := t.data.([]T)
	if !ok {
		var zero T
		panic(fmt.Sprintf("onnxgraph: tensor of %v read as %T", t.dtype, zero))
	}
	return d
}

// Bytes views the elements as little-endian bytes, not copied.
func (t *Tensor) Bytes() []byte {
	switch d := t.data.(type) {
	case []float32:
		return bytesOf(d)
	case []float64:
		return bytesOf(d)
	case []int8:
		return bytesOf(d)
	case []int16:
		return bytesOf(d)
	case []int32:
		return bytesOf(d)
	case []int64:
		return bytesOf(d)
	case []uint8:
		return d
	case []uint16:
		return bytesOf(d)
	case []uint32:
		return bytesOf(d)
	case []uint64:
		return bytesOf(d)
	case []bool:
		return bytesOf(d)
	}
	panic(fmt.Sprintf("onnxgraph: tensor of %v has no bytes", t.dtype))
}

// WithShape is the same data under another shape of the same size.
func (t *Tensor) WithShape(shape []int) *Tensor {
	if Shape(shape).Size() != t.Size() {
		panic(fmt.Sprintf("onnxgraph: %v cannot be viewed as %v", t.shape, Shape(shape)))
	}
	return &Tensor{dtype: t.dtype, shape: Shape(shape).Clone(), data: t.data}
}

// Bits16 makes a Float16 or BFloat16 tensor from bit patterns (not copied).
func Bits16(dtype DType, shape []int, bits []uint16) *Tensor {
	t := NewTensor(shape, bits)
	t.dtype = dtype
	return t
}

// Clone copies the tensor and its data.
func (t *Tensor) Clone() *Tensor {
	c := Zeros(t.dtype, t.shape)
	copy(c.Bytes(), t.Bytes())
	return c
}

// Float64s gives the elements of any numeric or bool tensor as float64.
// The slice is the tensor's own if it holds float64.
func (t *Tensor) Float64s() []float64 {
	switch d := t.data.(type) {
	case []float64:
		return d
	case []float32:
		return convert[float64](d)
	case []int8:
		return convert[float64](d)
	case []int16:
		return convert[float64](d)
	case []int32:
		return convert[float64](d)
	case []int64:
		return convert[float64](d)
	case []uint8:
		return convert[float64](d)
	case []uint16:
		if t.dtype.IsFloat() {
			return convert[float64](widen16(t.dtype, d))
		}
		return convert[float64](d)
	case []uint32:
		return convert[float64](d)
	case []uint64:
		return convert[float64](d)
	case []bool:
		out := make([]float64, len(d))
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
		return out
	}
	panic(fmt.Sprintf("onnxgraph: tensor of %v has no numbers", t.dtype))
}

// Float32s gives the elements of a float tensor as float32: those of float16 and
// bfloat16 exactly, those of float64 rounded. The slice is the tensor's own if it
// holds float32. It panics for tensors that are not of floats.
func (t *Tensor) Float32s() []float32 {
	switch d := t.data.(type) {
	case []float32:
		return d
	case []float64:
		return convert[float32](d)
	case []uint16:
		if t.dtype.IsFloat() {
			return widen16(t.dtype, d)
		}
	}
	panic(fmt.Sprintf("onnxgraph: tensor of %v has no float32 elements", t.dtype))
}

func widen16(dtype DType, bits []uint16) []float32 {
	out := make([]float32, len(bits))
	for i, v := range bits {
		if dtype == Float16 {
			out[i] = float16ToFloat32(v)
		} else { // a bfloat16 is the upper half of a float32
			out[i] = math.Float32frombits(uint32(v) << 16)
		}
	}
	return out
}

// String prints the type and shape, such as float[2 3].
func (t *Tensor) String() string { return t.dtype.String() + t.shape.String() }

func convert[To, From float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](d []From) []To {
	out := make([]To, len(d))
	for i, v := range d {
		out[i] = To(v)
	}
	return out
}

func dtypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	}
	return Bool
}

func bytesOf[T Element](d []T) []byte {
	if len(d) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&d[0])), len(d)*int(unsafe.Sizeof(d[0])))
}

// float16ToFloat32 widens an IEEE 754 binary16 bit pattern exactly.
func float16ToFloat32(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exp == 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp == 0: // zero or subnormal: frac * 2^-24
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

func init() {
	// Bytes views memory as it lies; the formats are little-endian.
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		panic("onnxgraph: big-endian machines are not supported")
	}
}
