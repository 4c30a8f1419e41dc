package weights_test

import (
	"path/filepath"
	"strings"
	"testing"

	"pmx/artifacts/weights"
	"pmx/internal/errtest"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
)

// TestFoldNormalisation: the encoder gives the tokens that timm recorded, of the image
// that another normalisation makes of the same pixels.
func TestFoldNormalisation(t *testing.T) {
	e, _, err := weights.Read(filepath.Join(fixtures, "timm_bare.pth"), weights.Options{Heads: 3})
	if err != nil {
		t.Fatal(err)
	}
	before := e.Tensors["patch_embed.proj.weight"].Clone()
	mean, std := [3]float32{.5, .25, .75}, [3]float32{.5, .125, 2}
	was := e.Architecture
	learned := e.Tensors["patch_embed.proj.weight"]
	if err := e.FoldNormalisation(mean, std); err != nil {
		t.Fatal(err)
	}
	if e.Mean != mean || e.Std != std || !strings.HasPrefix(e.Metadata[weights.NormalisationProperty], "mean [0.485 ") {
		t.Errorf("mean %v, std %v, metadata %q", e.Mean, e.Std, e.Metadata)
	}
	if string(before.Bytes()) != string(learned.Bytes()) {
		t.Error("the tensors of others that share them have changed")
	}
	image := expected(t, "native/")["image"]
	pixels := onnxgraph.Data[float32](image.Clone())
	side := e.ImageSize * e.ImageSize
	for i, x := range pixels {
		c := i / side % 3
		p := float64(x)*float64(was.Std[c]) + float64(was.Mean[c])
		pixels[i] = float32((p - float64(mean[c])) / float64(std[c]))
	}
	got := tokens(t, e, onnxgraph.NewTensor(image.Shape(), pixels))
	want := expected(t, "native/plain/native/")["tokens"]
	if err := numtest.Compare(got, want.Float64s(), 2e-5); err != nil { // the fixtures' own tolerance
		t.Error(err)
	}
	if err := e.FoldNormalisation(mean, std); err != nil || !strings.HasPrefix(e.Metadata[weights.NormalisationProperty], "mean [0.485 ") {
		t.Errorf("the same again: %v, metadata %q", err, e.Metadata)
	}
	errtest.OneLine(t, e.FoldNormalisation(mean, [3]float32{1, 0, 1}), "standard deviation of 0", "want more than 0")
}
