// Package memtest finds memory that is lost outside the Go heap, where libraries
// in C keep theirs, by the resident size of the process.
package memtest

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// Grows runs f once and then four to eight times, until resident memory has grown by
// at most limit bytes a run over four runs on end: memory that is lost grows in each
// run, what only finds its size (arenas, the Go heap, the race detector's tables)
// grows at once, or comes and goes. If it keeps growing, the test fails.
func Grows(t testing.TB, limit int, f func()) {
	t.Helper()
	const window = 4
	f()
	sizes, shown := []int{resident(t)}, []string{}
	for runs := 1; runs <= 2*window; runs++ {
		f()
		sizes = append(sizes, resident(t))
		shown = append(shown, strconv.Itoa((sizes[runs]-sizes[0])>>10))
		if runs >= window && sizes[runs]-sizes[runs-window] <= window*limit {
			t.Logf("resident memory grew by %s KB", strings.Join(shown, ", "))
			return
		}
	}
	t.Errorf("resident memory grew by %s KB, want at most %d a run", strings.Join(shown, ", "), limit>>10)
}

// resident is the process's memory in bytes: the second number of
// /proc/self/statm, in pages.
func resident(t testing.TB) int {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err) // the libraries are for Linux
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		t.Fatal(fmt.Errorf("/proc/self/statm: %w", err))
	}
	return pages * os.Getpagesize()
}
