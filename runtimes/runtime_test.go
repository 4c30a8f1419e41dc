package runtimes_test

import (
	"runtime"
	"testing"

	"pmx/runtimes"
)

// TestThreads: one per core means of the cores that Go may use, which the workers
// that make batches go by too.
func TestThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for asked, want := range map[int]int{0: 3, 1: 1, 7: 7} {
		if got := runtimes.Threads(runtimes.Options{Threads: asked}); got != want {
			t.Errorf("%d threads asked for: %d, want %d", asked, got, want)
		}
	}
}
