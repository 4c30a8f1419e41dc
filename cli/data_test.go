package cli

import (
	"slices"
	"testing"

	"pmx/onnxgraph"
	"pmx/patchmix"
)

func sampleRecipe(t *testing.T) Recipe {
	r := quickstart(t)
	r.Sources = Sources{Data: "sample"}
	return r
}

func TestPixelsOfUndoesTheNormalisation(t *testing.T) {
	raw := randomImage(imageSize{20, 20})
	if got := pixelsOf(normalized(raw)); !got.Shape().Equal(raw.Shape()) || !slices.Equal(onnxgraph.Data[uint8](got), onnxgraph.Data[uint8](raw)) {
		t.Error("bytes change by normalising and back")
	}
}

// TestEvalBatches: all images once, in order, as floats and as bytes.
func TestEvalBatches(t *testing.T) {
	_, queries, err := sampleRecipe(t).labelledSplits()
	if err != nil {
		t.Fatal(err)
	}
	indices := []int{5, 1, 999, 3, 8}
	data, err := patchmix.Subset(queries, "some", indices)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	var img patchmix.Image
	for b, err := range evalBatches(t.Context(), data, 28, 2, true) {
		if err != nil {
			t.Fatal(err)
		}
		for i, label := range b.Labels {
			want, err := queries.Sample(indices[next], &img)
			if err != nil {
				t.Fatal(err)
			}
			if got := onnxgraph.Data[uint8](b.Images)[i*len(img.Pix):][:len(img.Pix)]; label != want || !slices.Equal(got, img.Pix) {
				t.Errorf("image %d: label %d, want %d, or other pixels", next, label, want)
			}
			next++
		}
	}
	if next != len(indices) {
		t.Errorf("%d images, want %d", next, len(indices))
	}
}

func TestLabelledSplitsNeedLabels(t *testing.T) {
	r := sampleRecipe(t)
	r.Sources = Sources{Data: "folder:testdata/pictures", HoldOut: 0.5}
	if _, _, err := r.labelledSplits(); err == nil {
		t.Error("a folder that is not there has labels")
	}
	r.Sources.Data = ""
	if _, _, err := r.labelledSplits(); exitCode(t.Context(), err) != ExitUsage {
		t.Errorf("no data: %v, want a usage error", err)
	}
}
