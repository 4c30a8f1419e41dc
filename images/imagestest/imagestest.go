// Package imagestest helps to test what reads images: a dataset of generated
// pictures that can be told to fail, and a check for goroutines that are left.
package imagestest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"pmx/images"
)

// Pictures is a dataset of N generated images of several sizes; image i always has
// the same pixels.
type Pictures struct {
	N    int
	Torn []int       // images that cannot be read
	Hook func(i int) // called when image i is read; nil: nothing
	Mod  int         // image i has label i mod Mod; 0: label i
}

// Name implements images.Dataset.
func (p Pictures) Name() string { return "pictures" }

// Len implements images.Dataset.
func (p Pictures) Len() int { return p.N }

// Label implements images.Dataset.
func (p Pictures) Label(i int) int {
	if p.Mod > 0 {
		return i % p.Mod
	}
	return i
}

// Classes implements images.Dataset.
func (p Pictures) Classes() []string { return nil }

// Digest implements images.Dataset.
func (p Pictures) Digest() (string, error) { return fmt.Sprint("pictures ", p.N), nil }

// Sample implements images.Dataset.
func (p Pictures) Sample(_ context.Context, i int, img *images.Image) (int, error) {
	if p.Hook != nil {
		p.Hook(i)
	}
	if slices.Contains(p.Torn, i) {
		return 0, fmt.Errorf("images: picture %d is torn", i)
	}
	rng := rand.New(rand.NewPCG(5, uint64(i)))
	img.Reset(16+i%7, 16+i%5)
	for k := range img.Pix {
		img.Pix[k] = uint8(rng.Uint32())
	}
	return p.Label(i), nil
}

// Settle fails the test if there are still more goroutines than before after five
// seconds.
func Settle(t testing.TB, before int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}
