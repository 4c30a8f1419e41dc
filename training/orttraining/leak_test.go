package orttraining_test

import (
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"pmx/artifacts/ortcheckpoint"
	"pmx/training/orttraining"
)

// resident is the process's memory in bytes: the second number of
// /proc/self/statm, in pages.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err) // the library is for Linux
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// grows runs f four to eight times, until resident memory has grown by at most
// limit a run: memory that is lost grows in each run, what only finds its size
// (arenas, the Go heap, the race detector's tables) comes and goes.
func grows(t *testing.T, limit int, f func()) {
	t.Helper()
	f()
	before, sizes := resident(t), []string{}
	for runs := 1; runs <= 8; runs++ {
		f()
		growth := resident(t) - before
		sizes = append(sizes, strconv.Itoa(growth>>10))
		if runs >= 4 && growth <= runs*limit {
			t.Logf("resident memory grew by %s KB", strings.Join(sizes, ", "))
			return
		}
	}
	t.Errorf("resident memory grew by %s KB, want at most %d a run", strings.Join(sizes, ", "), limit>>10)
}

// TestNoLeaks watches memory over 10,000 steps with every call of a loop. A
// status, value or string of 64 bytes lost each step would be 640 KB.
func TestNoLeaks(t *testing.T) {
	state := load(t, initial())
	s := start(t, state)
	steps := func(n int) {
		for k := range n {
			trainStep(t, s, k%100)
			if _, err := s.EvalStep(feeds(k % 100)); err != nil {
				t.Fatal(err)
			}
			w, err := state.Parameter("W1")
			if err != nil {
				t.Fatal(err)
			}
			if err := state.SetParameter("W1", w); err != nil {
				t.Fatal(err)
			}
			if err := state.SetProperty("step", "number "+strconv.Itoa(k)); err != nil {
				t.Fatal(err)
			}
			if _, err := state.Property("step"); err != nil {
				t.Fatal(err)
			}
			if _, err := state.Parameter("none"); err == nil {
				t.Fatal("a parameter that is not there was read")
			}
		}
	}
	grows(t, 256<<10, func() { steps(10000) })
}

// TestNoLeakedSessions makes and closes sessions: each would hold about 100 KB.
func TestNoLeakedSessions(t *testing.T) {
	m, l := artifacts(t), library(t)
	sessions := func(n int) {
		for range n {
			options, err := l.NewSessionOptions(orttraining.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			data, err := ortcheckpoint.Encode(initial())
			if err != nil {
				t.Fatal(err)
			}
			state, err := l.LoadCheckpointBytes(data)
			if err != nil {
				t.Fatal(err)
			}
			training, err := l.NewTrainingSession(state, m, options)
			if err != nil {
				t.Fatal(err)
			}
			trainStep(t, training, 0)
			plain, err := l.NewSession(m.Eval, options)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []io.Closer{state, training, plain, options} {
				c.Close()
			}
		}
	}
	grows(t, 1<<20, func() { sessions(50) })
}
