package op

import "pmx/onnxgraph"

// Attributes as operands, for the bodies of operators. In a function, where the
// caller gives them, they are computed with; elsewhere they are constants.

// floatAttribute is an attribute as a scalar of the element type of like.
func floatAttribute(n *onnxgraph.Node, name string, like *onnxgraph.Value) *onnxgraph.Value {
	if v := n.AttributeValue(name); v != nil {
		if v.DType != like.DType {
			v = Cast(v, like.DType)
		}
		return v
	}
	return Scalar(like, n.Attributes.Float(name, 0))
}

// intAttribute is an attribute as a vector of one int64.
func intAttribute(n *onnxgraph.Node, name string) *onnxgraph.Value {
	if v := n.AttributeValue(name); v != nil {
		return Unsqueeze(v, 0)
	}
	return Ints(n.Inputs[0], n.Attributes.Int(name, 0))
}

// vector joins vectors of int64, such as the dimensions of a shape; it is a constant
// if they are.
func vector(parts ...*onnxgraph.Value) *onnxgraph.Value {
	var all []int
	for _, v := range parts {
		if v.Constant() == nil {
			return Concat(0, parts...)
		}
		all = append(all, toInts(v.Constant())...)
	}
	return Ints(parts[0], all...)
}
