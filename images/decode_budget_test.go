package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// greyPGM is a file of 8192x8192 pixels, all black.
func greyPGM(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.pgm")
	head := []byte("P5 8192 8192 255\n")
	writeFile(t, head, path)
	if err := os.Truncate(path, int64(len(head)+8192*8192)); err != nil {
		t.Skip(err)
	}
	return path
}

// TestLargeImagesWait: a worker that holds a large image keeps the others from decoding
// one that does not fit beside it; an image of no worker does not wait.
func TestLargeImagesWait(t *testing.T) {
	path := greyPGM(t) // 64 MB, and 192 MB as RGB
	if !largeImages.TryAcquire(maxDecodeBytes - 300<<20) {
		t.Fatal("large images are being decoded")
	}
	defer largeImages.Release(maxDecodeBytes - 300<<20)
	first, second := NewWorker(), NewWorker()
	if err := ReadImage(t.Context(), path, &first.Image); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := ReadImage(ctx, path, &second.Image); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second image did not wait: %v", err)
	}
	if err := ReadImage(t.Context(), path, new(Image)); err != nil {
		t.Errorf("an image of no worker: %v", err)
	}
	first.Release()
	if first.Image.Pix != nil {
		t.Error("the pixels are kept")
	}
	if err := ReadImage(t.Context(), path, &second.Image); err != nil {
		t.Errorf("after the first: %v", err)
	}
	// A worker goes from a large image to the next.
	if err := ReadImage(t.Context(), path, &second.Image); err != nil {
		t.Error(err)
	}
	second.Release()
	if !largeImages.TryAcquire(300 << 20) {
		t.Error("memory is not given back")
	} else {
		largeImages.Release(300 << 20)
	}
}

// TestDecodeBytes: what a decoder would allocate is bounded, not the pixels alone.
func TestDecodeBytes(t *testing.T) {
	for _, c := range []struct {
		header header
		good   bool
	}{
		{header{w: 10980, h: 10980}.times(4), true}, // Sentinel-2 as an RGB PNG
		{header{w: 13376, h: 13376}.times(1), true},
		{header{w: 13376, h: 13376}.times(8), false},
		{header{w: 8192, h: 8192}.times(8), true},
	} {
		if err := c.header.check(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.header, err)
		}
	}
}
