package export

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// TestOpenModel: the weights of an exported model are those of the file beside it, which
// must be the one that was written with it.
func TestOpenModel(t *testing.T) {
	dir := t.TempDir()
	written := func(name string, change func(e *Encoder)) string {
		e := tinyEncoder(t)
		if change != nil {
			change(e)
		}
		path := filepath.Join(dir, name)
		if _, err := e.Write(t.Context(), path, builders.EncoderOptions{DynamicSize: true}, referenceVerifier(t)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := written("one.onnx", nil)
	e, report, err := Open(t.Context(), path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := tinyEncoder(t)
	if e.Config.Heads != want.Config.Heads || e.Step != want.Step || report == nil || len(e.Tensors) != len(want.Tensors) {
		t.Errorf("%+v after step %d, %d tensors, want %+v, %d, %d", e.Config, e.Step, len(e.Tensors), want.Config, want.Step, len(want.Tensors))
	}
	for name, w := range want.Tensors {
		if g := e.Tensors[name]; g == nil || !bytes.Equal(g.Bytes(), w.Bytes()) {
			t.Errorf("%s has other elements", name)
		}
	}
	replace := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	const other = "is not the file that was written with"
	written("bias.onnx", func(e *Encoder) {
		b := e.Tensors["blocks.1.attn.qkv.bias"].Clone()
		onnxgraph.Data[float32](b)[3]++
		e.Tensors["blocks.1.attn.qkv.bias"] = b
	})
	replace("bias.safetensors", "one.safetensors")
	_, _, err = Open(t.Context(), path, OpenOptions{})
	errtest.OneLine(t, err, "one.safetensors "+other, "one.onnx")
	written("heads.onnx", func(e *Encoder) { e.Config.Heads = 4 })
	replace("heads.safetensors", "one.safetensors")
	_, _, err = Open(t.Context(), path, OpenOptions{})
	errtest.OneLine(t, err, other)
	if err := os.Remove(filepath.Join(dir, "one.safetensors")); err != nil {
		t.Fatal(err)
	}
	_, _, err = Open(t.Context(), path, OpenOptions{})
	errtest.OneLine(t, err, "one.onnx has its weights folded into its graph: put ", "one.safetensors beside it")
}

// TestOpenPrepares: positions are resized by the layout's rule or by the one that is
// given, of a checkpoint as of weights of others, and the rest of the weights stays.
func TestOpenPrepares(t *testing.T) {
	path := tinyCheckpoint(t, false)
	before, _, err := Open(t.Context(), path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for rule, name := range map[weights.PositionRule]weights.PositionRule{"": weights.RuleOffset, weights.RuleSize: weights.RuleSize} {
		e, _, err := Open(t.Context(), path, OpenOptions{ImageSize: 16, Rule: rule})
		if err != nil {
			t.Fatal(err)
		}
		want, err := weights.ResizePositions(before.Tensors["pos_embed"], name, 4, 4)
		if err != nil {
			t.Fatal(err)
		}
		if e.Config.ImageSize != 16 || e.Step != 7 || !bytes.Equal(e.Tensors["pos_embed"].Bytes(), want.Bytes()) {
			t.Errorf("rule %q: %+v, step %d, or other positions", rule, e.Config, e.Step)
		}
		if got := e.Metadata[weights.ResizeProperty]; got != string(name)+" 2x2 to 4x4" {
			t.Errorf("rule %q: metadata %q", rule, got)
		}
		if len(e.Tensors) != len(before.Tensors) || !bytes.Equal(e.Tensors["norm.bias"].Bytes(), before.Tensors["norm.bias"].Bytes()) {
			t.Errorf("rule %q: other weights changed", rule)
		}
	}
	_, _, err = Open(t.Context(), path, OpenOptions{ImageSize: 18})
	errtest.OneLine(t, err, "images of 18 pixels", "multiple of the patch size 4")
	_, _, err = Open(t.Context(), path, OpenOptions{ImageSize: 16, Rule: "nearest"})
	errtest.OneLine(t, err, `"nearest"`, "offset size antialias")
}

// TestOpenFoldsNormalisation where the weights are not for ImageNet's.
func TestOpenFoldsNormalisation(t *testing.T) {
	e := tinyEncoder(t)
	e.Mean, e.Std = [3]float32{.5, .5, .5}, [3]float32{.5, .5, .5}
	path := filepath.Join(t.TempDir(), "half.safetensors")
	if err := weights.Write(path, "safetensors", e.Weights()); err != nil {
		t.Fatal(err)
	}
	as, _, err := Open(t.Context(), path, OpenOptions{})
	if err != nil || as.Mean != e.Mean {
		t.Fatalf("mean %v, %v", as.Mean, err)
	}
	folded, _, err := Open(t.Context(), path, OpenOptions{FoldNormalisation: true})
	if err != nil || folded.Mean != builders.ImageMean || folded.Std != builders.ImageStd {
		t.Fatalf("mean %v, std %v, %v", folded.Mean, folded.Std, err)
	}
	pixels := make([]uint8, 8*8*3)
	for i := range pixels {
		pixels[i] = uint8(i * 37)
	}
	features := func(e *Encoder) []float64 {
		model, err := e.ONNX(builders.EncoderOptions{Preprocessing: true})
		if err != nil {
			t.Fatal(err)
		}
		out, err := onnxgraph.NewEvaluator(model.Graph).Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: onnxgraph.NewTensor([]int{1, 8, 8, 3}, pixels)})
		if err != nil {
			t.Fatal(err)
		}
		return out[builders.EncoderClass].Float64s()
	}
	if d := farthest(features(folded), features(as)); !(d < 1e-5) { // float32 rounding of the weights
		t.Errorf("the features differ by %.2g of the largest", d)
	}
}
