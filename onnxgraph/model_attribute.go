package onnxgraph

import (
	"fmt"
	"unicode/utf8"

	"pmx/internal/onnxpb"
)

// resolve gives a node's attributes by name, those that refer to the calling
// node's replaced by what that has; where it has none, the attribute is absent.
func (f *frame) resolve(list []*onnxpb.AttributeProto) (map[string]*onnxpb.AttributeProto, error) {
	out := make(map[string]*onnxpb.AttributeProto, len(list))
	seen := make(map[string]bool, len(list))
	for _, a := range list {
		name := a.GetName()
		if seen[name] || name == "" || !utf8.ValidString(name) {
			return nil, fmt.Errorf("the name of attribute %s is empty, taken or not UTF-8", shown(name))
		}
		seen[name] = true
		outer := a.GetRefAttrName()
		if outer == "" {
			out[name] = a
			continue
		}
		if f.depth == 0 {
			return nil, fmt.Errorf("attribute %s refers to one of a caller outside a function", shown(name))
		}
		given := f.attributes[outer]
		if given == nil {
			continue
		}
		if given.GetType() != a.GetType() {
			return nil, fmt.Errorf("attribute %s is %v, the caller's %s is %v", shown(name), a.GetType(), shown(outer), given.GetType())
		}
		out[name] = given
	}
	return out, nil
}

func decodeAttributes(messages map[string]*onnxpb.AttributeProto) (Attributes, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	out := make(Attributes, len(messages))
	for name, a := range messages {
		v, err := decodeAttribute(a)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", shown(name), err)
		}
		out[name] = v
	}
	return out, nil
}

// decodeAttribute reads the field that the type says. Lists are never nil.
func decodeAttribute(a *onnxpb.AttributeProto) (any, error) {
	switch a.GetType() {
	case onnxpb.AttributeProto_FLOAT:
		return a.GetF(), nil
	case onnxpb.AttributeProto_INT:
		return a.GetI(), nil
	case onnxpb.AttributeProto_STRING:
		return string(a.GetS()), nil
	case onnxpb.AttributeProto_TENSOR:
		if a.T == nil {
			return nil, fmt.Errorf("it has no tensor")
		}
		return decodeTensor(a.T, nil)
	case onnxpb.AttributeProto_FLOATS:
		return append([]float32{}, a.Floats...), nil
	case onnxpb.AttributeProto_INTS:
		return append([]int64{}, a.Ints...), nil
	case onnxpb.AttributeProto_STRINGS:
		out := make([]string, len(a.Strings))
		for i, s := range a.Strings {
			out[i] = string(s)
		}
		return out, nil
	}
	return nil, fmt.Errorf("attributes of type %v are not supported", a.GetType())
}
