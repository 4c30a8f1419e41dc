package images

import (
	"context"
	"runtime"

	"golang.org/x/sync/semaphore"
)

const (
	// maxDecodeBytes is what decoding one image may allocate, its pixels among it, and
	// what all large images that workers decode at a time may take together.
	maxDecodeBytes = 900 << 20
	// largeBytes makes an image a large one. A photograph of 12 megapixels is not.
	largeBytes = 64 << 20
)

// largeImages is the memory that the large images of all workers share: they wait for
// each other.
var largeImages = semaphore.NewWeighted(maxDecodeBytes)

// share is a worker's part of largeImages, from before it decodes a large image until
// the pixels are no longer needed.
type share struct{ held int64 }

// reserve waits until n bytes can be allocated for the image. Only an image that belongs
// to a worker waits.
func (m *Image) reserve(ctx context.Context, n int64) error {
	if m.share == nil {
		return nil
	}
	m.free()
	if n <= largeBytes {
		return nil
	}
	n = min(n, maxDecodeBytes)
	if err := largeImages.Acquire(ctx, n); err != nil {
		return context.Cause(ctx)
	}
	m.share.held = n
	if n > maxDecodeBytes/8 {
		runtime.GC() // what the one before has left would be there beside it
	}
	return nil
}

// settle keeps what the pixels take, and gives the rest back.
func (m *Image) settle() {
	if m.share == nil || m.share.held == 0 {
		return
	}
	if rest := m.share.held - int64(cap(m.Pix)); rest > 0 {
		largeImages.Release(rest)
		m.share.held -= rest
	}
}

// free forgets the pixels of a large image.
func (m *Image) free() {
	if m.share == nil || m.share.held == 0 {
		return
	}
	m.W, m.H, m.Pix = 0, 0, nil
	largeImages.Release(m.share.held)
	m.share.held = 0
}
