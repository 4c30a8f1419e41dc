package onnxgraph

import "fmt"

// DType is an element type, numbered as TensorProto.DataType in the ONNX IR
// specification: https://onnx.ai/onnx/repo-docs/IR.html
type DType int32

// The element types that a Tensor can hold. Float16 and BFloat16 are stored as
// their 16 bits.
const (
	Undefined DType = 0
	Float32   DType = 1
	Uint8     DType = 2
	Int8      DType = 3
	Uint16    DType = 4
	Int16     DType = 5
	Int32     DType = 6
	Int64     DType = 7
	String    DType = 8
	Bool      DType = 9
	Float16   DType = 10
	Float64   DType = 11
	Uint32    DType = 12
	Uint64    DType = 13
	BFloat16  DType = 16
)

// dtypeInfo gives a type's name in ONNX text and its bytes per element.
var dtypeInfo = map[DType]struct {
	name string
	size int
}{
	Float32: {"float", 4}, Uint8: {"uint8", 1}, Int8: {"int8", 1}, Uint16: {"uint16", 2}, Int16: {"int16", 2},
	Int32: {"int32", 4}, Int64: {"int64", 8}, Bool: {"bool", 1}, Float16: {"float16", 2}, Float64: {"double", 8},
	Uint32: {"uint32", 4}, Uint64: {"uint64", 8}, BFloat16: {"bfloat16", 2}, String: {"string", 0},
}

// String gives the type's name in ONNX text: float, double, int64, ...
func (t DType) String() string {
	if i, ok := dtypeInfo[t]; ok {
		return i.name
	}
	return fmt.Sprintf("dtype(%d)", int32(t))
}

// Size is the number of bytes of one element; 0 for String and unknown types.
func (t DType) Size() int { return dtypeInfo[t].size }

// IsFloat reports whether gradients can flow through values of this type.
func (t DType) IsFloat() bool {
	return t == Float32 || t == Float64 || t == Float16 || t == BFloat16
}

// ParseDType reads a type's name in ONNX text.
func ParseDType(name string) (DType, error) {
	for t, i := range dtypeInfo {
		if i.name == name {
			return t, nil
		}
	}
	return Undefined, fmt.Errorf("onnxgraph: no element type is called %q", name)
}
