package training_test

import (
	"maps"
	"slices"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/conformance"
	"pmx/training"
)

// TestOperatorCasesOnORT runs ONNX's official operator cases as pmx reads and
// writes them through ONNX Runtime. Its Go binding takes no tensors of rank 0,
// without elements, or of some element types: those cases are left out.
func TestOperatorCasesOnORT(t *testing.T) {
	runtime := openRuntime(t, "ort")
	cases, _ := conformance.MustLoad(t)
	var left []conformance.LeftOut
	ran := 0
	for _, c := range cases {
		if reason := bindingRefuses(c); reason != "" {
			left = append(left, conformance.LeftOut{Name: c.Name, Operator: c.Operators[0], Reason: reason})
			continue
		}
		if reason := ortDiffers[c.Name]; reason != "" {
			left = append(left, conformance.LeftOut{Name: c.Name, Operator: c.Operators[0], Reason: reason})
			if err := runCase(runtime, c); err == nil {
				t.Errorf("%s agrees now: drop it from ortDiffers", c.Name)
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

// ortDiffers lists the cases that ONNX Runtime 1.27 does not run as ONNX says.
var ortDiffers = map[string]string{
	"resize_downsample_scales_cubic_align_corners":  roundedLength,
	"resize_downsample_scales_linear_align_corners": roundedLength,
}

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

// bindingRefuses says what onnxruntime_go cannot feed or read, "" if nothing.
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
