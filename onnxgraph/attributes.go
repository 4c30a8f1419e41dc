package onnxgraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Attributes are the named constants of a node. A value is one of int64,
// float32, string, []int64, []float32, []string or *Tensor.
type Attributes map[string]any

// Int gives an integer attribute, or fallback where it is absent.
func (a Attributes) Int(name string, fallback int) int {
	if v, ok := a[name].(int64); ok {
		return int(v)
	}
	return fallback
}

// Float gives a float attribute, or fallback where it is absent.
func (a Attributes) Float(name string, fallback float64) float64 {
	if v, ok := a[name].(float32); ok {
		return float64(v)
	}
	return fallback
}

// Ints gives a list of integers, nil where it is absent.
func (a Attributes) Ints(name string) []int {
	v, ok := a[name].([]int64)
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
	if v, ok := a[name].(string); ok {
		return v
	}
	return fallback
}

// Names lists the attributes in order.
func (a Attributes) Names() []string { return slices.Sorted(maps.Keys(a)) }

// IntsAttr is a list of integers as an attribute's value.
func IntsAttr(v ...int) []int64 { return Shape(v).Int64() }

// String prints <axis = -1, epsilon = 1e-06>, or nothing where there are none.
func (a Attributes) String() string {
	if len(a) == 0 {
		return ""
	}
	parts := make([]string, 0, len(a))
	for _, name := range a.Names() {
		parts = append(parts, name+" = "+attributeText(a[name]))
	}
	return "<" + strings.Join(parts, ", ") + ">"
}

func attributeText(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case float32:
		return floatText(float64(v), 32)
	case []int64:
		return listText(v, func(x int64) string { return fmt.Sprint(x) })
	case []float32:
		return listText(v, func(x float32) string { return floatText(float64(x), 32) })
	case []string:
		return listText(v, func(x string) string { return fmt.Sprintf("%q", x) })
	case *Tensor:
		return tensorText(v)
	}
	return fmt.Sprint(v)
}

func listText[T any](v []T, text func(T) string) string {
	parts := make([]string, len(v))
	for i, x := range v {
		parts[i] = text(x)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
