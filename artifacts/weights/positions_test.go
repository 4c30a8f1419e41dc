package weights_test

import (
	"fmt"
	"testing"

	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/internal/errtest"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
)

// sizes that the fixtures have positions and tokens of, height x width in pixels.
var sizes = []struct{ height, width int }{{24, 20}, {8, 12}}

// TestPositions: each rule gives what its own projects' code gave.
func TestPositions(t *testing.T) {
	for _, encoder := range []string{"plain", "base"} {
		learned := expected(t, encoder+"/")["pos_embed"]
		for _, size := range sizes {
			for _, rule := range weights.PositionRules {
				name := fmt.Sprintf("%dx%d/%s/%s/", size.height, size.width, encoder, rule)
				want := expected(t, name)["pos_embed"]
				got, err := weights.ResizePositions(learned, rule, size.height/4, size.width/4)
				if err != nil {
					t.Fatal(err)
				}
				if !got.Shape().Equal(want.Shape()) {
					t.Fatalf("%s: %v, want %v", name, got, want)
				}
				// The projects' float32 against our float64.
				if err := numtest.Compare(got.Float64s(), want.Float64s(), numtest.Tolerance("float", numtest.Pointwise)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

func TestPositionErrors(t *testing.T) {
	learned := onnxgraph.Zeros(onnxgraph.Float32, []int{1, 5, 2})
	for _, c := range []struct {
		positions *onnxgraph.Tensor
		rule      weights.PositionRule
		h, w      int
		want      string
	}{
		{learned, "nearest", 2, 2, `"nearest" (known: [offset size antialias])`},
		{learned, weights.RuleSize, 0, 2, "0 x 2 patches"},
		{learned, weights.RuleSize, 2, 1 << 20, "1 to 1024"},
		{onnxgraph.Zeros(onnxgraph.Float32, []int{1, 7, 2}), weights.RuleSize, 2, 2, "float[1 7 2] are not of a class token and a square grid"},
		{onnxgraph.Zeros(onnxgraph.Float32, []int{5, 2}), weights.RuleSize, 2, 2, "not of a class token"},
	} {
		_, err := weights.ResizePositions(c.positions, c.rule, c.h, c.w)
		errtest.OneLine(t, err, "weights: ", c.want)
	}
	same, err := weights.ResizePositions(learned, weights.RuleOffset, 2, 2)
	if err != nil || same != learned {
		t.Errorf("the same grid gives other positions, %v", err)
	}
}

// TestResizeOnReading: the rule is the layout's, or the one that is asked for, and the
// metadata says which.
func TestResizeOnReading(t *testing.T) {
	plain := expected(t, "plain/")
	for _, c := range []struct {
		file string
		rule weights.PositionRule
		want string
	}{
		{"timm_bare.pth", "", "antialias 4x4 to 6x6"},
		{"deit.pth", "", "size 4x4 to 6x6"},
		{"deit.pth", weights.RuleOffset, "offset 4x4 to 6x6"},
	} {
		path := fixture{File: c.file}.path()
		e, _, err := weights.Read(path, weights.Options{Heads: 3, ImageSize: 24, Rule: c.rule})
		if err != nil {
			t.Fatal(err)
		}
		if e.ImageSize != 24 || e.Metadata[weights.ResizeProperty] != c.want {
			t.Errorf("%s: %d px, %q, want %q", c.file, e.ImageSize, e.Metadata[weights.ResizeProperty], c.want)
		}
		rule := weights.PositionRule(c.want[:len(c.want)-len(" 4x4 to 6x6")])
		want, err := weights.ResizePositions(plain["pos_embed"], rule, 6, 6)
		if err != nil {
			t.Fatal(err)
		}
		equalTensors(t, c.file, map[string]*onnxgraph.Tensor{"pos_embed": e.Tensors["pos_embed"]}, map[string]*onnxgraph.Tensor{"pos_embed": want})
		if err := e.Resize(weights.RuleSize, 8); err != nil || e.Metadata[weights.ResizeProperty] != c.want+", size 6x6 to 2x2" {
			t.Errorf("resized again: %q, %v", e.Metadata[weights.ResizeProperty], err)
		}
		_, _, err = weights.Read(path, weights.Options{Heads: 3, ImageSize: 22})
		errtest.OneLine(t, err, "22 pixels", "multiple of the patch size 4")
	}
}

// TestTokens: the weights as read give the recorded tokens in the training graph, at
// their own size and, by the offset rule that the graph has, at others; another number
// of heads does not.
func TestTokens(t *testing.T) {
	for _, file := range []string{"dino_bare.pth", "hf_vit", "timm_no_embed_class.pth", "container_float16.pth"} {
		f := fixture{File: file}
		e, _, err := weights.Read(f.path(), weights.Options{Heads: 3})
		if err != nil {
			t.Fatal(err)
		}
		recorded := map[string]string{"timm_no_embed_class.pth": "no_embed_class", "container_float16.pth": "float16"}[file]
		if recorded == "" {
			recorded = "plain"
		}
		want := expected(t, "native/"+recorded+"/native/")["tokens"]
		got := tokens(t, e, expected(t, "native/")["image"])
		if err := numtest.Compare(got, want.Float64s(), 2e-5); err != nil { // the fixtures' own tolerance
			t.Errorf("%s: %v", file, err)
		}
		e.Heads = 4
		if numtest.Compare(tokens(t, e, expected(t, "native/")["image"]), want.Float64s(), 1e-3) == nil {
			t.Errorf("%s: 4 heads give the tokens of 3", file)
		}
	}
	e, _, err := weights.Read(fixture{File: "dino_bare.pth"}.path(), weights.Options{Heads: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		at := fmt.Sprintf("%dx%d/", size.height, size.width)
		got := tokens(t, e, expected(t, at)["image"])
		if err := numtest.Compare(got, expected(t, at+"plain/offset/")["tokens"].Float64s(), 2e-5); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// tokens runs the encoder on an image in float64: all tokens after the final norm.
func tokens(t testing.TB, e *weights.Encoder, image *onnxgraph.Tensor) []float64 {
	t.Helper()
	c := builders.ViTConfig{ImageSize: e.ImageSize, PatchSize: e.PatchSize, Dim: e.Dim, Depth: e.Depth, Heads: e.Heads, MLPRatio: int(e.MLPRatio)}
	model, err := builders.Encoder(c, e.Tensors, builders.EncoderOptions{DynamicSize: true})
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.Eval(model.Graph, map[string]*onnxgraph.Tensor{builders.EncoderInput: image})
	if err != nil {
		t.Fatal(err)
	}
	return out[builders.EncoderTokens].Float64s()
}
