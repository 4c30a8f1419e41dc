package op_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"pmx/onnxgraph"
)

// What a model from a stranger may hold where an operator expects an axis, a size, a
// count, a scale or a name.
var (
	hostileInts    = []int64{0, -1, 1, 2, -7, 1 << 8, math.MaxInt32, math.MaxInt64, math.MinInt64}
	hostileFloats  = []float32{0, -1, 1e-30, 3e38, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}
	hostileStrings = []string{"", "reflect", "SAME_LOWER", "tf_crop_and_resize", "no such mode"}
)

// TestHostileModels replaces, in every sample, each attribute and each number of
// each operand that is not a plain float by such values. A model may be refused with
// an error, by shape inference or by Eval; what must not happen is a panic.
func TestHostileModels(t *testing.T) {
	all := samples(t)
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			for _, s := range all[schema.ID()] {
				for name, value := range s.node.Attributes {
					for _, v := range hostileAttributes(value) {
						attributes := maps.Clone(s.node.Attributes)
						attributes[name] = v
						attack(t, s, attributes, s.types(), s.data)
					}
				}
				for i := range s.data {
					for _, changed := range hostileNumbers(s, i) {
						data := slices.Clone(s.data)
						data[i] = changed
						attack(t, s, s.node.Attributes, s.types(), data)
					}
				}
			}
		})
	}
}

// TestHostileSizes declares an operand's dimensions Dynamic and gives it other sizes,
// which only Eval sees.
func TestHostileSizes(t *testing.T) {
	all := samples(t)
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			for _, s := range all[schema.ID()] {
				for i, x := range s.node.Inputs {
					if x == nil || x.Constant() != nil {
						continue
					}
					for _, shape := range otherShapes(s.data[i].Shape()) {
						if len(shape) != x.Rank() {
							continue
						}
						data := slices.Clone(s.data)
						data[i] = resized(s.data[i], shape)
						types := s.types()
						types[i].Shape = slices.Repeat(onnxgraph.Shape{onnxgraph.Dynamic}, len(shape))
						attack(t, s, s.node.Attributes, types, data)
					}
				}
			}
		})
	}
}

// attack fails on a panic and on an error of shape inference that is not its own.
func attack(t *testing.T, s sample, attributes onnxgraph.Attributes, types []onnxgraph.Type, data []*onnxgraph.Tensor) {
	t.Helper()
	r := s.with(attributes, types, data)
	var own *onnxgraph.Error
	if r.panicked != nil || r.refused != nil && !errors.As(r.refused, &own) {
		t.Errorf("%v with %v on %v: panic %v, error %v", s, attributes, data, r.panicked, r.refused)
	}
	for _, y := range r.outputs {
		if slices.ContainsFunc(y.Shape, func(d int) bool { return d < 0 && d != onnxgraph.Dynamic }) {
			t.Errorf("%v with %v on %v: inferred was %v", s, attributes, data, y.Type)
		}
	}
}

// hostileAttributes are other values of an attribute's type, a list with one element
// of them or one more or less, and values of other types.
func hostileAttributes(value any) []any {
	out := []any{int64(1), float32(1), "name", []int64{}, []int64{1}, []string{"name"}, onnxgraph.ScalarTensor(int64(1))}
	switch value := value.(type) {
	case int64:
		for _, v := range hostileInts {
			out = append(out, v)
		}
	case float32:
		for _, v := range hostileFloats {
			out = append(out, v)
		}
	case string:
		for _, v := range hostileStrings {
			out = append(out, v)
		}
	case []int64:
		out = append(out, append(slices.Clone(value), 1))
		for i := range value {
			out = append(out, value[:i])
			for _, v := range hostileInts {
				changed := slices.Clone(value)
				changed[i] = v
				out = append(out, changed)
			}
		}
	case *onnxgraph.Tensor:
		out = append(out, onnxgraph.Zeros(value.DType(), []int{2}), onnxgraph.Zeros(value.DType(), []int{0}))
	}
	return out
}

// hostileNumbers are operand i with one element changed: integers, and floats that
// are constants or scalars, as scales and limits are.
func hostileNumbers(s sample, i int) []*onnxgraph.Tensor {
	var out []*onnxgraph.Tensor
	t := s.data[i]
	if t == nil || t.Size() > 16 {
		return nil
	}
	for at := range t.Size() {
		switch t.DType() {
		case onnxgraph.Int64:
			out = append(out, changedAt(t, at, hostileInts)...)
		case onnxgraph.Float32:
			out = append(out, changedAt(t, at, hostileFloats)...)
		case onnxgraph.Float64:
			for _, v := range hostileFloats {
				out = append(out, changedAt(t, at, []float64{float64(v)})...)
			}
		}
	}
	return out
}

func changedAt[T onnxgraph.Element](t *onnxgraph.Tensor, at int, values []T) []*onnxgraph.Tensor {
	var out []*onnxgraph.Tensor
	for _, v := range values {
		changed := t.Clone()
		onnxgraph.Data[T](changed)[at] = v
		out = append(out, changed)
	}
	return out
}
