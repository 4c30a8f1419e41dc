package onnxgraph

import (
	"fmt"
	"unicode/utf8"

	"pmx/internal/onnxpb"
)

// agree compares what is known of a value with what the file declares.
func agree(have, declared Type) error {
	fits := have.DType == declared.DType && len(have.Shape) == len(declared.Shape)
	for i := range have.Shape {
		if fits && have.Shape[i] != Dynamic && declared.Shape[i] != Dynamic && have.Shape[i] != declared.Shape[i] {
			fits = false
		}
	}
	if !fits {
		return fmt.Errorf("it is declared as %v and is %v", declared, have)
	}
	return nil
}

// decodeType reads a tensor type. Dimensions without a value are Dynamic; names
// are theirs, nil if all dimensions are fixed.
func decodeType(message *onnxpb.TypeProto) (t Type, names []string, err error) {
	tensor := message.GetTensorType()
	if tensor == nil {
		return Type{}, nil, fmt.Errorf("only tensors are supported, it is %s", typeKind(message))
	}
	t.DType = DType(tensor.GetElemType())
	if t.DType.Size() == 0 {
		return Type{}, nil, fmt.Errorf("elements of type %v are not supported", t.DType)
	}
	if tensor.Shape == nil {
		return Type{}, nil, fmt.Errorf("its number of dimensions is not known")
	}
	known := make([]int64, 0, len(tensor.Shape.Dim))
	t.Shape = make(Shape, len(tensor.Shape.Dim))
	for i, dim := range tensor.Shape.Dim {
		if v, fixed := dim.Value.(*onnxpb.TensorShapeProto_Dimension_DimValue); fixed {
			t.Shape[i] = int(v.DimValue)
			known = append(known, v.DimValue)
			continue
		}
		if !utf8.ValidString(dim.GetDimParam()) {
			return Type{}, nil, fmt.Errorf("the name %q of dimension %d is not UTF-8", dim.GetDimParam(), i)
		}
		t.Shape[i] = Dynamic
		if names == nil {
			names = make([]string, len(t.Shape))
		}
		names[i] = dim.GetDimParam()
	}
	if _, err := CheckedSize(known, maxElements); err != nil {
		return Type{}, nil, err
	}
	return t, names, nil
}

// typeKind says what a type that is no tensor is.
func typeKind(t *onnxpb.TypeProto) string {
	switch t.GetValue().(type) {
	case *onnxpb.TypeProto_TensorType:
		return "a tensor"
	case *onnxpb.TypeProto_SequenceType:
		return "a sequence"
	case *onnxpb.TypeProto_MapType:
		return "a map"
	case *onnxpb.TypeProto_OptionalType:
		return "an optional"
	case *onnxpb.TypeProto_SparseTensorType:
		return "a sparse tensor"
	case *onnxpb.TypeProto_OpaqueType:
		return "opaque"
	}
	return "of no type"
}
