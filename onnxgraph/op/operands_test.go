package op_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// evalOnly lists, by operator and a part of the error, what Eval may refuse that
// shape inference has let pass: where an operand that it lists sizes or positions by
// is computed in the graph, and integers that ONNX allows.
var evalOnly = []struct {
	operator, message string
	computed          bool
}{
	{"Gather", "is outside a dimension", true},
	{"GatherElements", "is outside a dimension", true},
	{"ScatterElements", "is outside a dimension", true},
	{"GatherND", "is outside a dimension", true},
	{"ScatterND", "is outside a dimension", true},
	{"RoiAlign", "is outside a batch", true},
	{"Reshape", "cannot reshape", true},
	{"Expand", "do not broadcast", true},
	{"TopK", "does not fit", true},
	{"Resize", "would become", true},
	{"MatMul", "floats only", false},
	{"Gemm", "floats only", false},
	{"ScatterElements", "floats only", false},
	{"ScatterND", "floats only", false},
	{"Neg", "takes floats", false},
	{"Sign", "takes floats", false},
	{"Relu", "takes floats", false},
	{"Erf", "takes floats", false},
	{"Abs", "takes floats", false},
}

// TestOperands gives every operator, in all of its samples, one operand of another
// size, rank or type at a time, and all floats as another type: shape inference
// refuses them, or Eval gives what it promised.
func TestOperands(t *testing.T) {
	all, used := samples(t), map[int]bool{}
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			for _, s := range all[schema.ID()] {
				for _, v := range variants(s) {
					if fault := verdict(s, v, used); fault != "" {
						t.Errorf("%v on %v: %s", s, v.types, fault)
					}
				}
			}
		})
	}
	for i, e := range evalOnly {
		if !used[i] {
			t.Errorf("%s: %q does not occur any more: drop it from evalOnly", e.operator, e.message)
		}
	}
}

// verdict says what is wrong with how a variant ends, "" if nothing is.
func verdict(s sample, v variant, used map[int]bool) string {
	r := s.with(s.node.Attributes, v.types, v.data)
	var own *onnxgraph.Error
	switch {
	case r.panicked != nil:
		return fmt.Sprintf("panic: %v", r.panicked)
	case r.refused != nil:
		if !errors.As(r.refused, &own) || own.Op != s.node.Op.ID() || !strings.Contains(own.Error(), v.types[v.changed].String()) {
			return fmt.Sprintf("the error does not name the operator and its operands: %v", r.refused)
		}
	case r.failed != nil:
		for k, e := range evalOnly {
			if e.operator == s.node.Op.ID() && strings.Contains(r.failed.Error(), e.message) && (!e.computed || s.computes()) {
				used[k] = true
				return ""
			}
		}
		return fmt.Sprintf("shape inference lets pass what Eval refuses: %v", r.failed)
	}
	for k, y := range r.results {
		if want := r.outputs[k]; !y.Shape().Fits(want.Shape) {
			return fmt.Sprintf("output %d is %v, inferred was %v", k, y, want.Type)
		}
	}
	return ""
}

// computes reports whether an operand after the first is no constant.
func (s sample) computes() bool {
	return slices.ContainsFunc(s.node.Inputs[1:], func(x *onnxgraph.Value) bool { return x != nil && x.Constant() == nil })
}

// variant is a sample's operands, one of them or all floats changed.
type variant struct {
	types   []onnxgraph.Type
	data    []*onnxgraph.Tensor
	changed int
}

func variants(s sample) []variant {
	var out []variant
	add := func(change func(v variant, i int), operands ...int) {
		if len(operands) > 0 {
			v := variant{s.types(), slices.Clone(s.data), operands[0]}
			for _, i := range operands {
				change(v, i)
			}
			out = append(out, v)
		}
	}
	var present, floats []int
	for i, x := range s.node.Inputs {
		if x != nil {
			present = append(present, i)
		}
		if x != nil && x.DType.IsFloat() {
			floats = append(floats, i)
		}
	}
	for _, i := range present {
		for _, shape := range otherShapes(s.data[i].Shape()) {
			add(func(v variant, i int) { v.types[i].Shape, v.data[i] = shape, resized(s.data[i], shape) }, i)
		}
	}
	for _, dtype := range []onnxgraph.DType{onnxgraph.Float32, onnxgraph.Int64, onnxgraph.Int32, onnxgraph.Bool} {
		recast := func(v variant, i int) {
			v.types[i].DType, v.data[i] = dtype, numbers(dtype, s.data[i].Shape())
		}
		for _, i := range present {
			if s.node.Inputs[i].DType != dtype {
				add(recast, i)
			}
		}
		add(recast, floats...)
	}
	return out
}

// otherShapes change the rank, and each dimension in turn.
func otherShapes(shape onnxgraph.Shape) []onnxgraph.Shape {
	out := []onnxgraph.Shape{slices.Concat(onnxgraph.Shape{1}, shape), slices.Concat(onnxgraph.Shape{2}, shape), slices.Concat(shape, onnxgraph.Shape{1})}
	if len(shape) > 0 {
		out = append(out, shape[1:], shape[:len(shape)-1])
	}
	for d, size := range shape {
		for _, other := range []int{size + 1, size - 1, 0, 1} {
			if other >= 0 && other != size {
				changed := shape.Clone()
				changed[d] = other
				out = append(out, changed)
			}
		}
	}
	return out
}

// resized has the elements of t, from the beginning again where they do not suffice.
func resized(t *onnxgraph.Tensor, shape onnxgraph.Shape) *onnxgraph.Tensor {
	out := onnxgraph.Zeros(t.DType(), shape)
	if from, to := t.Bytes(), out.Bytes(); len(from) > 0 {
		for len(to) > 0 {
			to = to[copy(to, from):]
		}
	}
	return out
}
