package onnxgraph

import (
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
)

// maxElements bounds the number of elements of a shape that a file declares, so
// that sizes computed from it do not overflow.
const maxElements = 1 << 40

// TensorFromProtoBytes reads a serialized TensorProto, the form of the .pb files
// of ONNX's operator cases.
func TensorFromProtoBytes(data []byte) (*Tensor, error) {
	message := &onnxpb.TensorProto{}
	if err := unmarshal(data, message); err != nil {
		return nil, fmt.Errorf("onnxgraph: not a TensorProto: %w", err)
	}
	t, err := decodeTensor(message, nil)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: tensor %s: %w", shown(message.GetName()), err)
	}
	return t, nil
}

// unmarshal decodes protobuf bytes. The deepest nesting of an ordinary model is
// some ten messages.
func unmarshal(data []byte, message proto.Message) error {
	return proto.UnmarshalOptions{RecursionLimit: 64, DiscardUnknown: true}.Unmarshal(data, message)
}

// externalReader finds the bytes of a tensor that lie in another file.
type externalReader func(*onnxpb.TensorProto) (*io.SectionReader, error)

// decodeTensor reads a tensor. Nothing is allocated before the data at hand is
// known to fill the declared shape.
func decodeTensor(t *onnxpb.TensorProto, external externalReader) (*Tensor, error) {
	dtype := DType(t.GetDataType())
	if dtype.Size() == 0 {
		return nil, fmt.Errorf("elements of type %v are not supported", dtype)
	}
	size, err := CheckedSize(t.Dims, maxElements)
	if err != nil {
		return nil, err
	}
	if t.Segment != nil {
		return nil, fmt.Errorf("it is a segment of a larger tensor, which is not supported")
	}
	shape := make(Shape, len(t.Dims))
	for i, d := range t.Dims {
		shape[i] = int(d)
	}
	typed, err := typedCount(t, dtype)
	if err != nil {
		return nil, err
	}
	outside := t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL
	places := 0
	for _, used := range []bool{outside, typed > 0, len(t.RawData) > 0} {
		if used {
			places++
		}
	}
	bytes := int64(size * dtype.Size())
	switch {
	case places > 1:
		return nil, fmt.Errorf("its data is in more than one place")
	case outside:
		return readTensor(t, dtype, shape, bytes, external)
	case len(t.RawData) > 0 && int64(len(t.RawData)) != bytes:
		return nil, fmt.Errorf("%v%v needs %d bytes, got %d", dtype, shape, bytes, len(t.RawData))
	case len(t.RawData) > 0:
		return TensorFromBytes(dtype, shape, t.RawData)
	case typed != size:
		return nil, fmt.Errorf("%v%v needs %d elements, got %d", dtype, shape, size, typed)
	}
	return decodeTyped(t, dtype, shape)
}

// readTensor reads external data straight into the tensor's memory.
func readTensor(t *onnxpb.TensorProto, dtype DType, shape Shape, bytes int64, external externalReader) (*Tensor, error) {
	if external == nil {
		return nil, fmt.Errorf("its data lies in another file: read the model from its file")
	}
	section, err := external(t)
	if err != nil {
		return nil, err
	}
	if section.Size() != bytes {
		return nil, fmt.Errorf("%v%v needs %d bytes, its file has %d for it", dtype, shape, bytes, section.Size())
	}
	if dtype == Bool { // any byte is good in a file, but not in a Go bool
		raw, err := io.ReadAll(section)
		if err != nil {
			return nil, err
		}
		return TensorFromBytes(dtype, shape, raw)
	}
	out := Zeros(dtype, shape)
	if _, err := io.ReadFull(section, out.Bytes()); err != nil {
		return nil, err
	}
	return out, nil
}

// typedCount is the number of elements in the typed field for dtype; elements in
// a field for others are refused.
func typedCount(t *onnxpb.TensorProto, dtype DType) (int, error) {
	own := typedField(dtype)
	count := 0
	for _, f := range []struct {
		name  string
		count int
	}{
		{"float_data", len(t.FloatData)}, {"int32_data", len(t.Int32Data)}, {"string_data", len(t.StringData)},
		{"int64_data", len(t.Int64Data)}, {"double_data", len(t.DoubleData)}, {"uint64_data", len(t.Uint64Data)},
	} {
		switch {
		case f.name == own:
			count = f.count
		case f.count > 0:
			return 0, fmt.Errorf("elements of type %v do not belong in %s", dtype, f.name)
		}
	}
	return count, nil
}

// typedField names the field for elements of a type, as the comments of
// TensorProto in the ONNX specification have it.
func typedField(dtype DType) string {
	switch dtype {
	case Float32:
		return "float_data"
	case Float64:
		return "double_data"
	case Int64:
		return "int64_data"
	case Uint32, Uint64:
		return "uint64_data"
	}
	return "int32_data"
}

// decodeTyped reads a typed field, whose length has been checked.
func decodeTyped(t *onnxpb.TensorProto, dtype DType, shape Shape) (*Tensor, error) {
	switch dtype {
	case Float32:
		return NewTensor(shape, t.FloatData), nil
	case Float64:
		return NewTensor(shape, t.DoubleData), nil
	case Int64:
		return NewTensor(shape, t.Int64Data), nil
	case Uint64:
		return NewTensor(shape, t.Uint64Data), nil
	case Int32:
		return NewTensor(shape, t.Int32Data), nil
	case Uint32:
		return narrowInts[uint32](shape, t.Uint64Data, 0, math.MaxUint32)
	case Uint16:
		return narrowInts[uint16](shape, t.Int32Data, 0, math.MaxUint16)
	case Int16:
		return narrowInts[int16](shape, t.Int32Data, math.MinInt16, math.MaxInt16)
	case Uint8:
		return narrowInts[uint8](shape, t.Int32Data, 0, math.MaxUint8)
	case Int8:
		return narrowInts[int8](shape, t.Int32Data, math.MinInt8, math.MaxInt8)
	case Float16, BFloat16:
		bits, err := narrowInts[uint16](shape, t.Int32Data, 0, math.MaxUint16)
		if err != nil {
			return nil, err
		}
		return Bits16(dtype, shape, Data[uint16](bits)), nil
	case Bool:
		out := make([]bool, len(t.Int32Data))
		for i, v := range t.Int32Data {
			out[i] = v != 0
		}
		return NewTensor(shape, out), nil
	}
	return nil, fmt.Errorf("elements of type %v are not supported", dtype)
}

func narrowInts[To uint8 | int8 | uint16 | int16 | uint32, From int32 | uint64](shape Shape, from []From, least int32, most uint32) (*Tensor, error) {
	out := make([]To, len(from))
	for i, v := range from {
		if int64(v) < int64(least) || v > 0 && uint64(v) > uint64(most) {
			return nil, fmt.Errorf("element %d is %d, out of the range %d to %d", i, v, least, most)
		}
		out[i] = To(v)
	}
	return NewTensor(shape, out), nil
}
