package onnxgraph

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Attributes are the named constants of a node. A value is one of int64,
// float32, string, []int64, []float32, []string or *Tensor.
type Attributes map[string]any

// attributeRef is an attribute of a node in a function's body that takes the value
// of the calling node's attribute of that name: ONNX's ref_attr_name.
type attributeRef struct {
	name  string
	value any // what the node has for which the body was built: shape inference reads it
}

// attributeValue is the value itself, or that which a reference stands for.
func attributeValue(v any) any {
	if ref, ok := v.(attributeRef); ok {
		return ref.value
	}
	return v
}

// isAttribute reports whether ONNX has a type for the value.
func isAttribute(v any) bool {
	switch attributeValue(v).(type) {
	case int64, float32, string, []int64, []float32, []string, *Tensor:
		return true
	}
	return false
}

// Int gives an integer attribute, or fallback where it is absent.
func (a Attributes) Int(name string, fallback int) int {
	if v, ok := attributeValue(a[name]).(int64); ok {
		return int(v)
	}
	return fallback
}

// Float gives a float attribute, or fallback where it is absent. ONNX stores it
// as float32; it is read as the shortest decimal that rounds to it, so that 1
// minus an attribute of 0.999 is 0.001 and not 0.00099998713.
func (a Attributes) Float(name string, fallback float64) float64 {
	v, ok := attributeValue(a[name]).(float32)
	if !ok {
		return fallback
	}
	decimal, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return float64(v)
	}
	return decimal
}

// Ints gives a list of integers, nil where it is absent.
func (a Attributes) Ints(name string) []int {
	v, ok := attributeValue(a[name]).([]int64)
	if !ok {
		return nil
	}
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// Str gives a string attribute, or fallback where it is absent.
func (a Attributes) Str(name, fallback string) string {
	if v, ok := attributeValue(a[name]).(string); ok {
		return v
	}
	return fallback
}

// Names lists the attributes in order.
func (a Attributes) Names() []string { return slices.Sorted(maps.Keys(a)) }

// IntsAttr is a list of integers as an attribute's value.
func IntsAttr(v ...int) []int64 { return Shape(v).Int64() }

// String prints <axis = -1, epsilon = 1e-06>, or nothing where there are none.
// Attributes that print alike are equal.
func (a Attributes) String() string { return a.text(elideAbove) }

// checkDeclared holds the attributes of a node against those that its operator
// declares, and the Fixed ones against the graph's other nodes.
func (n *Node) checkDeclared() error {
	declared := make([]string, len(n.Op.Attributes))
	for i, a := range n.Op.Attributes {
		declared[i] = a.Name
		value, given := n.Attributes[a.Name]
		switch {
		case !given && a.Default == nil:
			return fmt.Errorf("attribute %s is absent", a.Name)
		case given && a.Default != nil && reflect.TypeOf(attributeValue(value)) != reflect.TypeOf(a.Default):
			return fmt.Errorf("attribute %s%s is not of type %s", a.Name, attributeText(value, elideAbove), attributeKind(a.Default))
		}
		if !a.Fixed {
			continue
		}
		if ref, ok := value.(attributeRef); ok {
			return fmt.Errorf("attribute %s is fixed, and refers to the caller's %s, which is not", a.Name, ref.name)
		}
		if first := n.graph.fixed[n.Op.ID()]; first != nil {
			here, there := attributeText(n.attribute(a), -1), attributeText(first.attribute(a), -1)
			if here != there {
				return fmt.Errorf("attribute %s%s here,%s in %s: a model holds one body, which is written for one value", a.Name, here, there, first.place())
			}
		}
	}
	for _, name := range n.Attributes.Names() {
		switch {
		case len(declared) == 0:
			return fmt.Errorf("it has no attributes, and is given %s", name)
		case !slices.Contains(declared, name):
			return fmt.Errorf("it has no attribute %s, only [%s]", name, strings.Join(declared, " "))
		}
	}
	return nil
}

// attribute is a declared attribute's value, given or not.
func (n *Node) attribute(a Attribute) any {
	if v, given := n.Attributes[a.Name]; given {
		return attributeValue(v)
	}
	return a.Default
}

// place tells a reader of an error where the node is: its name, and the builder's
// line if there is one.
func (n *Node) place() string {
	if n.site == "" {
		return "node " + n.Name
	}
	return fmt.Sprintf("node %s (%s)", n.Name, n.site)
}
