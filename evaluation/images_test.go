package evaluation

import (
	"context"
	"errors"
	"testing"

	"pmx/builders"
	"pmx/images"
)

// few are the first n images of a data set.
type few struct {
	images.Dataset
	n int
}

func (f few) Len() int { return f.n }

func evalConfig() images.EvalConfig {
	c := images.EvalConfig{Transform: images.EvalTransform{Size: 28}, Batch: 64}
	for i := range c.Mean {
		c.Mean[i], c.Std[i] = float64(builders.ImageMean[i]), float64(builders.ImageStd[i])
	}
	return c
}

func sample(t *testing.T, split string, n int) images.Dataset {
	t.Helper()
	data, err := images.Open("sample", split)
	if err != nil {
		t.Fatal(err)
	}
	return few{data, n}
}

// TestRawPixelsOfSample goes from real images to an accuracy: the neighbours
// among 1500 raw images are right for most of 200 others, as a plain float64
// classifier finds too.
func TestRawPixelsOfSample(t *testing.T) {
	bank, err := RawPixels(t.Context(), Images(t.Context(), sample(t, images.Train, 1500), evalConfig()), nil)
	if err != nil {
		t.Fatal(err)
	}
	queries, err := RawPixels(t.Context(), Images(t.Context(), sample(t, images.Test, 200), evalConfig()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if bank.Len() != 1500 || queries.Len() != 200 || bank.Dim != 3*28*28 {
		t.Fatalf("%d and %d features of %d", bank.Len(), queries.Len(), bank.Dim)
	}
	got := evaluate(t, KNN{K: []int{20}}, bank, queries)[0]
	if got.Top1 < 0.65 || got.Top1 > 0.9 || got.Top5 < 0.95 {
		t.Errorf("accuracy %+v; guessing has .1, published classifiers on all pixels of all images .85", got)
	}
	t.Logf("%+v", got)
	part := pick(queries, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	if got, want := evaluate(t, KNN{K: []int{20}}, bank, part)[0], bruteForce(bank, part, 20, DefaultTemperature); got != want {
		t.Errorf("accuracy %+v of the first images, want %+v", got, want)
	}
}

func TestImagesEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	_, err := RawPixels(t.Context(), Images(ctx, sample(t, images.Train, 640), evalConfig()), func(done int) {
		seen = done
		cancel()
	})
	if !errors.Is(err, context.Canceled) || seen >= 640 {
		t.Errorf("error %v after %d images", err, seen)
	}
	for batch, err := range Images(t.Context(), sample(t, images.Train, 640), evalConfig()) {
		if err != nil || batch.Images.Shape()[0] != 64 || len(batch.Labels) != 64 {
			t.Errorf("batch %v, error %v", batch.Images, err)
		}
		break // leaves no goroutine that writes
	}
	bad := evalConfig()
	bad.Batch = 0
	if _, err := RawPixels(t.Context(), Images(t.Context(), sample(t, images.Train, 640), bad), nil); err == nil {
		t.Error("batches of 0 are taken")
	}
}

// TestTop5NeedsVotes: an image of each of ten classes votes on nine others, of which
// each looks like one of another class. With one vote a query no other class is ranked,
// so that top-5 is 0 like top-1 and not the 4 of 9 whose label is low.
func TestTop5NeedsVotes(t *testing.T) {
	features := func(split string) *Features {
		data, err := images.Open("folder:testdata/knn_top5", split)
		if err != nil {
			t.Fatal(err)
		}
		f, err := RawPixels(t.Context(), Images(t.Context(), data, evalConfig()), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	bank, queries := features(images.Train), features(images.Test)
	if bank.Len() != 10 || queries.Len() != 9 {
		t.Fatalf("%d images vote on %d", bank.Len(), queries.Len())
	}
	if got, want := evaluate(t, KNN{K: []int{1}}, bank, queries)[0], (Accuracy{K: 1}); got != want {
		t.Errorf("accuracy %+v, want %+v", got, want)
	}
}
