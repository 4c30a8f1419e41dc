package onnxgraph

import "fmt"

// Decompose applies the node's Body to operands, which need not be the node's own
// nor of its graph, and gives the outputs. The attributes' values are known.
func (n *Node) Decompose(in []*Value) []*Value {
	return n.decompose(in, func(_ Attribute, value any) any { return value })
}

// decomposeByReference is Decompose in a graph that becomes a function: attributes
// refer to the caller's, except Fixed ones.
func (n *Node) decomposeByReference(in []*Value) []*Value {
	return n.decompose(in, func(a Attribute, value any) any {
		if a.Fixed {
			return value
		}
		return attributeRef{a.Name, value}
	})
}

func (n *Node) decompose(in []*Value, seen func(a Attribute, value any) any) []*Value {
	attributes := Attributes{}
	for _, a := range n.Op.Attributes {
		attributes[a.Name] = seen(a, n.attribute(a))
	}
	caller := &Node{Op: n.Op, Name: n.Name, Inputs: in, Outputs: n.Outputs, Attributes: attributes, graph: firstGraph(in)}
	return n.Op.Body(caller, in)
}

// AttributeValue is, while a Body makes a function, the value of an attribute that
// the function's caller gives: float32 or int64, a scalar or a vector. It is nil where
// the attribute is known, in Attributes.
func (n *Node) AttributeValue(name string) *Value {
	ref, ok := n.Attributes[name].(attributeRef)
	if !ok {
		return nil
	}
	field := ""
	switch ref.value.(type) {
	case float32:
		field = "value_float"
	case int64:
		field = "value_int"
	case []float32:
		field = "value_floats"
	case []int64:
		field = "value_ints"
	default:
		Fail(n.Op.ID(), n.Inputs, "attribute %s%s has no value in a graph", name, attributeText(ref.value, elideAbove))
	}
	c, err := n.graph.newNode(constantSchema, Attributes{field: ref}, nil, 0)
	if err != nil {
		panic(newError(n.Op.ID(), n.Inputs, err.Error()))
	}
	c.Name = n.graph.freeName(name)
	c.Outputs[0].Name = c.Name
	n.graph.nodes = append(n.graph.nodes, c)
	return c.Outputs[0]
}

// constantSchema is ONNX's Constant in a function, where it gives an attribute's
// value; a number that is known is a constant of the graph instead.
// https://onnx.ai/onnx/operators/onnx__Constant.html
var constantSchema = &OpSchema{
	Name: "Constant", SinceVersion: 13, Outputs: []string{"output"},
	Infer: func(n *Node) ([]Type, error) {
		for name, ref := range n.Attributes {
			t := constantTensor(name, attributeValue(ref))
			return []Type{{t.dtype, t.shape}}, nil
		}
		return nil, fmt.Errorf("it has no attribute")
	},
}
