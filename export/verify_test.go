package export

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/builders"
	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

var allOptions = []builders.EncoderOptions{{}, {DynamicSize: true}, {Preprocessing: true}, {DynamicSize: true, Preprocessing: true}, {Preprocessing: true, Resize: 9}, {Preprocessing: true, Resize: 8}}

// TestONNX: the exported model has the training graph's features.
func TestONNX(t *testing.T) {
	path := tinyCheckpoint(t, true)
	for _, root := range []string{builders.BaseEncoder, builders.MomentumEncoder} {
		e, err := ReadEncoder(t.Context(), path, root)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range allOptions {
			t.Run(fmt.Sprintf("%s/%+v", root, o), func(t *testing.T) {
				out := writeModel(t, e, o)
				difference, err := referenceVerifier(t).ONNX(t.Context(), out, e, o)
				if err != nil || difference > 1e-6 {
					t.Errorf("difference %g, %v; want at most 1e-6 on the reference runtime", difference, err)
				}
				if d, err := onnxgraph.DescribeFile(out); err != nil || d.Metadata[StepsProperty] != "7" {
					t.Errorf("metadata %v, %v; want that of a checkpoint of step 7", d.Metadata, err)
				}
			})
		}
	}
}

// writeModel writes a model without a look at it.
func writeModel(t *testing.T, e *Encoder, o builders.EncoderOptions) string {
	t.Helper()
	model, err := e.ONNX(o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "encoder.onnx")
	if err := model.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDynamicSizeRefuses images whose height or width is no multiple of the patch,
// of which a convolution would cut off the rest.
func TestDynamicSizeRefuses(t *testing.T) {
	e := tinyEncoder(t)
	for _, name := range []string{"reference", "ort"} {
		runtime, err := runtimes.LookupRuntime(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := runtime.Version(runtimes.Options{}); err != nil {
			require.Missing(t, err)
		}
		for _, o := range []builders.EncoderOptions{{DynamicSize: true}, {DynamicSize: true, Preprocessing: true}} {
			model, err := e.ONNX(o)
			if err != nil {
				t.Fatal(err)
			}
			encoder, err := runtime.NewInference(model, runtimes.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer encoder.Close()
			for size, fits := range map[imageSize]bool{{8, 12}: true, {12, 4}: true, {9, 8}: false, {8, 15}: false, {10, 11}: false} {
				_, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: exportedInput(randomImage(size), o, e.Architecture())})
				switch {
				case fits && err != nil:
					t.Errorf("%s: %v pixels: %v", name, size, err)
				case !fits && (err == nil || !strings.Contains(err.Error(), "height_and_width_are_multiples_of_4")):
					t.Errorf("%s: %v pixels: %v, want the node that says what is wrong", name, size, err)
				}
			}
		}
	}
}

// TestVerifierSeesAWrongWeight changes one number of the exported file.
func TestVerifierSeesAWrongWeight(t *testing.T) {
	e := tinyEncoder(t)
	changed := *e
	changed.Tensors = map[string]*onnxgraph.Tensor{}
	for name, tensor := range e.Tensors {
		changed.Tensors[name] = tensor.Clone()
	}
	onnxgraph.Data[float32](changed.Tensors["blocks.1.mlp.fc1.weight"])[5] += 0.5
	model, weights := writeModel(t, &changed, builders.EncoderOptions{}), filepath.Join(t.TempDir(), "encoder.safetensors")
	tensors, metadata, err := changed.Safetensors()
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.WriteFile(weights, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	v := referenceVerifier(t)
	for path, verify := range map[string]func(e *Encoder) error{
		model:   func(e *Encoder) error { _, err := v.ONNX(t.Context(), model, e, builders.EncoderOptions{}); return err },
		weights: func(e *Encoder) error { _, err := v.Safetensors(t.Context(), weights, e); return err },
	} {
		if err := verify(&changed); err != nil {
			t.Error(err)
		}
		if err := verify(e); err == nil || !strings.HasPrefix(err.Error(), "export: "+path+": its features differ from the training graph's") {
			t.Errorf("a wrong weight in %s: %v", filepath.Base(path), err)
		}
	}
}

// TestVerifierCountsPasses: the passes that are announced are made, and no more.
func TestVerifierCountsPasses(t *testing.T) {
	e := tinyEncoder(t)
	for dynamic, want := range map[bool]int64{false: 2, true: 3} {
		var told, wanted [][2]int64
		v := referenceVerifier(t)
		v.Progress = func(done, total int64) { told = append(told, [2]int64{done, total}) }
		if _, err := e.Write(t.Context(), filepath.Join(t.TempDir(), "encoder.onnx"), builders.EncoderOptions{DynamicSize: dynamic}, v); err != nil {
			t.Error(err)
		}
		for done := range want + 1 {
			wanted = append(wanted, [2]int64{done, want})
		}
		if !slices.Equal(told, wanted) {
			t.Errorf("dynamic %t: told %v, want %v", dynamic, told, wanted)
		}
	}
}
