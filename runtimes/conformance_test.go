package runtimes_test

import (
	"maps"
	"slices"
	"testing"

	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/onnxgraph/conformance"
	"pmx/runtimes"
)

// TestOperatorCases runs ONNX's official operator cases, as pmx reads and writes
// them, through the libraries. (The reference runtime's are in
// onnxgraph/conformance.)
func TestOperatorCases(t *testing.T) {
	for _, name := range []string{"ort", "ort-training"} {
		t.Run(name, func(t *testing.T) { runCases(t, name) })
	}
}

// runCases runs every case, also those that are known to differ, which must.
func runCases(t *testing.T, name string) {
	runtime := openRuntime(t, name)
	cases, _ := conformance.MustLoad(t)
	known := maps.Clone(differs[name])
	var left []conformance.LeftOut
	for _, c := range cases {
		run := func() error { return runCase(runtime, c) }
		if name == "ort" && !inferenceTakes(c) {
			run = func() error { return runBound(c) }
		}
		if reason := known[c.Name]; reason != "" {
			delete(known, c.Name)
			left = append(left, conformance.LeftOut{Name: c.Name, Operator: c.Operators[0], Reason: reason})
			if err := run(); err == nil {
				t.Errorf("%s agrees now: drop it from differs", c.Name)
			}
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if err := run(); err != nil {
				t.Errorf("%v: %v", c.Operators, err)
			}
		})
	}
	for c := range known {
		t.Errorf("differs lists %s, which is no case", c)
	}
	t.Log(conformance.Summary(name, len(cases)-len(left), left))
}

// differs lists, by runtime, the cases that it does not run as ONNX says.
var differs = map[string]map[string]string{
	"ort": {
		"resize_downsample_scales_cubic_align_corners":  roundedLength,
		"resize_downsample_scales_linear_align_corners": roundedLength,
		"max_int16": noKernel, "max_uint16": noKernel, "min_int16": noKernel, "min_uint16": noKernel,
		"pow_types_float32_uint32": noKernel, "pow_types_float32_uint64": noKernel,
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

func runCase(runtime runtimes.Runtime, c conformance.Case) error {
	session, err := runtime.NewInference(c.Model, runtimes.Options{Threads: 1, Device: require.Device()})
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

// inferenceTakes says whether the runtime ort feeds and reads the case: it has no
// use for tensors of rank 0, without elements, or of other element types.
func inferenceTakes(c conformance.Case) bool {
	read := []onnxgraph.DType{onnxgraph.Float32, onnxgraph.Float64, onnxgraph.Int32, onnxgraph.Int64, onnxgraph.Uint8, onnxgraph.Bool}
	for _, tensors := range []map[string]*onnxgraph.Tensor{c.Feeds, c.Want} {
		for _, x := range tensors {
			if len(x.Shape()) == 0 || x.Size() == 0 || !slices.Contains(read, x.DType()) {
				return false
			}
		}
	}
	return true
}
