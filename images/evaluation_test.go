package images_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pmx/images"
	"pmx/images/imagestest"
	"pmx/onnxgraph"
)

func TestEvalBatches(t *testing.T) {
	before := runtime.NumGoroutine()
	data := imagestest.Pictures{N: 23}
	c := images.EvalConfig{Transform: images.EvalTransform{Size: 8, Resize: 9}, Mean: images.ImageNetMean, Std: images.ImageNetStd, Batch: 5}
	for workers := 1; workers <= 4; workers++ {
		c.Workers = workers
		n := 0
		for b, err := range images.EvalBatches(context.Background(), data, c) {
			if err != nil {
				t.Fatal(err)
			}
			if want := min(5, 23-n); b.Indices[0] != n || b.Images.Shape()[0] != want || len(b.Labels) != want {
				t.Fatalf("batch from %d with %v, %d labels, want %d from %d", b.Indices[0], b.Images, len(b.Labels), want, n)
			}
			for i, label := range b.Labels {
				var img images.Image
				var work images.Workspace
				data.Sample(t.Context(), b.Indices[i], &img)
				want := make([]float32, 3*8*8)
				images.NewNormalizer(c.Mean, c.Std).Planes(want, c.Transform.Apply(&img, nil, &work))
				if got := onnxgraph.Data[float32](b.Images)[i*len(want):][:len(want)]; label != n+i || !slices.Equal(got, want) {
					t.Errorf("image %d has label %d or other pixels", n+i, label)
				}
			}
			n += len(b.Labels)
		}
		if n != 23 {
			t.Errorf("%d images, want 23", n)
		}
	}
	for _, stop := range []int{0, 1} { // leaving early leaves nothing behind
		for b := range images.EvalBatches(context.Background(), data, c) {
			if b.Indices[0] >= 5*stop {
				break
			}
		}
	}
	var last error
	for _, err := range images.EvalBatches(context.Background(), imagestest.Pictures{N: 23, Torn: []int{12}}, c) {
		last = err
	}
	if last == nil || last.Error() != "images: picture 12 is torn" {
		t.Errorf("error %v", last)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range images.EvalBatches(ctx, data, c) {
		if last = err; err == nil {
			continue
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("error %v, want that it was cancelled", last)
	}
	for want, bad := range map[string]func(c *images.EvalConfig){
		"batches of 0":             func(c *images.EvalConfig) { c.Batch = 0 },
		"crops of 0 pixels":        func(c *images.EvalConfig) { c.Transform.Size = 0 },
		"scaled to 7":              func(c *images.EvalConfig) { c.Transform.Resize = 7 },
		"every std must be above ": func(c *images.EvalConfig) { c.Std[0] = -1 },
	} {
		c := c
		bad(&c)
		for _, err := range images.EvalBatches(context.Background(), data, c) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
	imagestest.Settle(t, before)
}
