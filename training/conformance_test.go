package training_test

import (
	"maps"
	"slices"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/conformance"
	"pmx/training"
)

// TestOperatorCases runs ONNX's official operator cases, as pmx reads and writes
// them, through the libraries. (The reference runtime runs them in onnxgraph/op.)
func TestOperatorCases(t *testing.T) {
	for _, name := range []string{"ort", "ort-training"} {
		t.Run(name, func(t *testing.T) { runCases(t, name) })
	}
}

func runCases(t *testing.T, name string) {
	runtime := openRuntime(t, name)
	cases, _ := conformance.MustLoad(t)
	var left []conformance.LeftOut
	ran := 0
	for _, c := range cases {
		reason := ""
		if name == "ort" {
			reason = bindingRefuses(c)
		}
		if reason != "" {
			left = append(left, conformance.LeftOut{Name: c.Name, Operator: c.Operators[0], Reason: reason})
			continue
		}
		if reason := differs[name][c.Name]; reason != "" {
			left = append(left, conformance.LeftOut{Name: c.Name, Operator: c.Operators[0], Reason: reason})
			if err := runCase(runtime, c); err == nil {
				t.Errorf("%s agrees now: drop it from differs", c.Name)
			}
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) {
			if err := runCase(runtime, c); err != nil {
				t.Errorf("%v: %v", c.Operators, err)
			}
		})
	}
	t.Log(conformance.Summary(ran, left))
}

// differs lists, by runtime, the cases that it does not run as ONNX says.
var differs = map[string]map[string]string{
	"ort": {
		"resize_downsample_scales_cubic_align_corners":  roundedLength,
		"resize_downsample_scales_linear_align_corners": roundedLength,
	},
	"ort-training": {
		"resize_downsample_scales_cubic_align_corners":  roundedLength,
		"resize_downsample_scales_linear_align_corners": roundedLength,
		"add_uint8": noKernel, "sub_uint8": noKernel, "mul_uint8": noKernel, "div_uint8": noKernel,
		"max_int8": noKernel, "max_int16": noKernel, "max_uint8": noKernel, "max_uint16": noKernel,
		"min_int8": noKernel, "min_int16": noKernel, "min_uint8": noKernel, "min_uint16": noKernel,
		"pow_types_float32_uint32": noKernel, "pow_types_float32_uint64": noKernel,
	},
}

const noKernel = "the library has no CPU kernel for this element type"

// With scales that leave a fraction, ONNX's align_corners divides by size·scale - 1,
// ONNX Runtime by the whole size - 1. Resize by sizes is the same in both.
const roundedLength = "ONNX Runtime aligns corners by the rounded size"

func runCase(runtime training.Runtime, c conformance.Case) error {
	session, err := runtime.NewInference(c.Model, training.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer session.Close()
	got, err := session.Run(c.Feeds)
	if err != nil {
		return err
	}
	return c.Compare(got)
}

// bindingRefuses says what onnxruntime_go cannot feed or read, "" if nothing: it
// takes no tensors of rank 0, without elements, or of some element types.
func bindingRefuses(c conformance.Case) string {
	read := []onnxgraph.DType{onnxgraph.Float32, onnxgraph.Float64, onnxgraph.Int32, onnxgraph.Int64, onnxgraph.Uint8, onnxgraph.Bool}
	for _, tensors := range []map[string]*onnxgraph.Tensor{c.Feeds, c.Want} {
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			switch x := tensors[name]; {
			case len(x.Shape()) == 0:
				return "the binding takes no tensor of rank 0"
			case x.Size() == 0:
				return "the binding takes no tensor without elements"
			case !slices.Contains(read, x.DType()):
				return "the binding does not read every element type"
			}
		}
	}
	return ""
}
