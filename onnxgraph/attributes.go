package onnxgraph

import (
	"maps"
	"slices"
	"strconv"
)

// Attributes are the named constants of a node. A value is one of int64,
// float32, string, []int64, []float32, []string or *Tensor.
type Attributes map[string]any

// isAttribute reports whether ONNX has a type for the value.
func isAttribute(v any) bool {
	switch v.(type) {
	case int64, float32, string, []int64, []float32, []string, *Tensor:
		return true
	}
	return false
}

// Int gives an integer attribute, or fallback where it is absent.
func (a Attributes) Int(name string, fallback int) int {
	if v, ok := a[name].(int64); ok {
		return int(v)
	}
	return fallback
}

// Float gives a float attribute, or fallback where it is absent. ONNX stores it
// as float32; it is read as the shortest decimal that rounds to it, so that 1
// minus an attribute of 0.999 is 0.001 and not 0.00099998713.
func (a Attributes) Float(name string, fallback float64) float64 {
	v, ok := a[name].(float32)
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
// Attributes that print alike are equal.
func (a Attributes) String() string { return a.text(elideAbove) }
