package op_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// needsFixed lists, by operator and operand, what shape inference says where it must
// know a size, and why it must. Every other dimension may be Dynamic.
var needsFixed = []struct{ operator, operand, message, reason string }{
	{"Conv", "W", "must be fixed", "the output's size follows from the kernel's"},
	{"ConvTranspose", "W", "must be fixed", "the output's size follows from the kernel's"},
	{"pmx.Attention", "QKV", "·heads·d] with", "the last dimension: heads are cut from it"},
	{"pmx.ClassAttention", "QKV", "·heads·d] with", "the last dimension: heads are cut from it"},
	{"pmx.AttentionGrad", "QKV", "·heads·d] with", "the last dimension: heads are cut from it"},
	{"pmx.ClassAttentionGrad", "QKV", "·heads·d] with", "the last dimension: heads are cut from it"},
	{"pmx.RelativeAttention", "QKV", "·heads·d] with", "the last dimension: heads are cut from it"},
	{"pmx.RelativeAttentionGrad", "QKV", "·heads·d] with", "the last dimension: heads are cut from it"},
	{"Squeeze", "data", "without axes", "a Dynamic dimension may be 1 or not"},
	{"ConstantOfShape", "input", "of known length", "the rank follows from it"},
	{"Reshape", "shape", "of known length", "the rank follows from it"},
	{"Expand", "shape", "of known length", "the rank follows from it"},
	{"GatherND", "indices", "must be fixed", "the last dimension: the rank follows from it"},
	{"ScatterND", "indices", "must be fixed", "the last dimension: the rank of updates follows from it"},
}

// TestInferDynamic makes each dimension of each operand Dynamic in turn: shape
// inference gives what it gives for the fixed shapes, or Dynamic, and Eval on the
// same data what it gave.
func TestInferDynamic(t *testing.T) {
	all, used := samples(t), map[int]bool{}
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			for _, s := range all[schema.ID()] {
				fixed := s.with(s.node.Attributes, s.types(), s.data)
				for i, x := range s.node.Inputs {
					if x == nil || x.Constant() != nil {
						continue
					}
					for d := range x.Shape {
						types := s.types()
						types[i].Shape = slices.Clone(types[i].Shape)
						types[i].Shape[d] = onnxgraph.Dynamic
						where := fmt.Sprintf("%v on %v", s, types)
						r := s.with(s.node.Attributes, types, s.data)
						switch {
						case fixed.refused != nil: // Split without sizes: a file says how many parts
						case r.refused != nil:
							if !needs(s, i, r.refused, used) {
								t.Errorf("%s: %v", where, r.refused)
							}
						default:
							agree(t, where, r, fixed)
						}
					}
				}
			}
		})
	}
	for k, e := range needsFixed {
		if !used[k] {
			t.Errorf("%s: every dimension of %s may be Dynamic now: drop it from needsFixed", e.operator, e.operand)
		}
	}
}

// needs reports whether the error about operand i is one of needsFixed.
func needs(s sample, i int, err error, used map[int]bool) bool {
	for k, e := range needsFixed {
		if e.operator == s.node.Op.ID() && e.operand == s.node.Op.Inputs[min(i, len(s.node.Op.Inputs)-1)] && strings.Contains(err.Error(), e.message) {
			used[k] = true
			return true
		}
	}
	return false
}

// agree asks that r, with a Dynamic dimension, has the types and results of fixed.
func agree(t *testing.T, where string, r, fixed trial) {
	t.Helper()
	if r.panicked != nil || fmt.Sprint(r.failed) != fmt.Sprint(fixed.failed) {
		t.Errorf("%s: panic %v, error %v, with fixed shapes %v", where, r.panicked, r.failed, fixed.failed)
		return
	}
	for k, y := range r.outputs {
		if want := fixed.outputs[k]; y.DType != want.DType || !y.Shape.Fits(want.Shape) {
			t.Errorf("%s: output %d is %v, with fixed shapes %v", where, k, y.Type, want.Type)
		}
	}
	for k, got := range r.results {
		if want := fixed.results[k]; !slices.Equal(got.Bytes(), want.Bytes()) || !got.Shape().Equal(want.Shape()) {
			t.Errorf("%s: result %d is %v, with fixed shapes %v", where, k, got, want)
		}
	}
}
