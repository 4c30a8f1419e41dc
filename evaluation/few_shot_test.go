package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pmx/internal/recording"
)

// TestRandomHeadRecorded compares with the features of PatchMix's published kNN script.
func TestRandomHeadRecorded(t *testing.T) {
	f := recording.Open(t, "supervised/patchmix_knn_feature.safetensors")
	shape := f.Shape(t, "class_token")
	classes := &Features{Dim: shape[1], Data: slices.Clone(f.Floats(t, "class_token")), Labels: make([]int, shape[0])}
	for i := range classes.Len() {
		normalize(classes.Row(i)) // as Extract does
	}
	h := &RandomHead{Classes: 1000, Weight: f.Floats(t, "encoder/head.weight")}
	got, err := h.Logits(classes, BLAS{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range f.Floats(t, "feature") {
		if !(math.Abs(float64(got.Data[i]-want)) <= 1e-5) {
			t.Fatalf("feature %d is %g, want %g", i, got.Data[i], want)
		}
	}
	var c struct{ Bound float64 }
	f.Meta(t, "config", &c)
	drawn := NewRandomHead(shape[1], 7)
	var squares float64
	for _, v := range drawn.Weight {
		if math.Abs(float64(v)) > c.Bound {
			t.Fatalf("a weight is %g, beyond %g", v, c.Bound)
		}
		squares += float64(v) * float64(v) / float64(len(drawn.Weight))
	}
	if want := c.Bound * c.Bound / 3; math.Abs(squares-want) > 0.02*want { // of a uniform distribution
		t.Errorf("weights have variance %g, want %g", squares, want)
	}
}

func TestFewShot(t *testing.T) {
	f := &Features{Dim: 1}
	for i := range 60 {
		f.Data, f.Labels = append(f.Data, float32(2*(i%2)-1)), append(f.Labels, i%3)
	}
	few, err := FewShot(f, 4, rand.New(rand.NewPCG(1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, label := range few.Labels {
		count[label]++
	}
	if few.Len() != 12 || len(few.Data) != 12 || count[0] != 4 || count[1] != 4 || count[2] != 4 {
		t.Errorf("drawn %v", few.Labels)
	}
	again, _ := FewShot(f, 4, rand.New(rand.NewPCG(1, 0)))
	other, _ := FewShot(f, 4, rand.New(rand.NewPCG(2, 0)))
	if !slices.Equal(few.Data, again.Data) || slices.Equal(few.Data, other.Data) && slices.Equal(few.Labels, other.Labels) {
		t.Error("draws do not follow from the seed")
	}
	if _, err := FewShot(f, 21, rand.New(rand.NewPCG(1, 0))); err == nil || !strings.Contains(err.Error(), "has 20 images, fewer than 21") {
		t.Errorf("error %v", err)
	}
	// Two classes apart: whatever is drawn, all queries are classified rightly.
	two := &Features{Dim: 2, Data: []float32{1, 0, 1, 0, 0, 1, 0, 1}, Labels: []int{0, 0, 1, 1}}
	got, err := KNN{K: []int{1}}.EvaluateFewShot(t.Context(), two, two, 1, 3, 5)
	if err != nil || got[0].Top1 != 1 || got[0].StandardError != 0 || got[0].K != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	// Two kinds of images in both classes: whichever are drawn, half of them are right.
	mixed := &Features{Dim: 2, Data: []float32{1, 0, 0, 1, 1, 0, 0, 1}, Labels: []int{0, 0, 1, 1}}
	got, err = KNN{K: []int{1}}.EvaluateFewShot(t.Context(), mixed, mixed, 1, 40, 5)
	if err != nil || !(math.Abs(got[0].Top1-0.5) <= 1e-12) || !(got[0].StandardError <= 1e-12) {
		t.Errorf("%+v, %v", got, err)
	}
}
