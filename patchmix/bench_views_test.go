package patchmix

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pmx/images"
)

// BenchmarkViews makes the recipe's two views of an image, decoding included:
// an operation is an image.
func BenchmarkViews(b *testing.B) {
	run := func(b *testing.B, data images.Dataset, size int) {
		views := newViewMaker(recipeViews(size, .1))
		out := [][]float32{make([]float32, 3*size*size), make([]float32, 3*size*size)}
		w, i := images.NewWorker(), 0
		for b.Loop() {
			if _, err := data.Sample(b.Context(), i%data.Len(), &w.Image); err != nil {
				b.Fatal(err)
			}
			views.fill(out, 0, 1, 0, i, w)
			i++
		}
	}
	b.Run("32px", func(b *testing.B) { run(b, images.Noise(32), 32) })
	b.Run("224px-JPEG", func(b *testing.B) {
		dir := filepath.Join("..", "..", "shared", "data", "coco_train", "images")
		if _, err := os.Stat(dir); err != nil {
			b.Skip("no photographs in " + dir)
		}
		run(b, open(b, "folder:"+dir, images.Train), 224)
	})
}

// TestBenchViewsStops: a measurement ends with its context, in one of its workers or
// in several.
func TestBenchViewsStops(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	for workers := range 3 {
		if _, err := BenchViews(ctx, BenchConfig{Noise: 8, Size: 8, Count: 1 << 30, Workers: workers, Views: recipeViews(8, .1)}); !errors.Is(err, stop) {
			t.Errorf("%d workers: %v, want the cause of the context's end", workers, err)
		}
	}
}

// BenchmarkLoader makes whole batches of 128 mixed images of the sample.
func BenchmarkLoader(b *testing.B) {
	l := load(b, open(b, "sample", images.Train), LoaderConfig{Batch: 128, Views: greyViews(28), Mix: recipeMix(4)})
	b.ReportAllocs()
	for b.Loop() {
		batch, err := l.Next(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		batch.Release()
	}
}
