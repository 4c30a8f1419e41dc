// Package golden compares what a test made with a file kept under testdata, and
// rewrites the file with `go test PACKAGE -update`.
package golden

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files of this package with what the tests make")

// Updating tells whether the test runs with -update.
func Updating() bool { return *update }

// Text fails the test if got differs from the file testdata/name, naming the
// first line that differs. name may hold slashes.
func Text(t testing.TB, name, got string) {
	t.Helper()
	want, ok := load(t, name, []byte(got))
	if !ok || string(want) == got {
		return
	}
	t.Errorf("%s: %s\nif the change is meant, run: go test . -run '^%s$' -update",
		path(name), firstDifference(string(want), got), strings.Split(t.Name(), "/")[0])
}

// Bytes is Text for binary data; it names the first byte that differs.
func Bytes(t testing.TB, name string, got []byte) {
	t.Helper()
	want, ok := load(t, name, got)
	if !ok || bytes.Equal(want, got) {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	t.Errorf("%s: byte %d differs (want %d bytes, got %d)\nif the change is meant, run: go test . -run '^%s$' -update",
		path(name), at, len(want), len(got), strings.Split(t.Name(), "/")[0])
}

func path(name string) string { return filepath.Join("testdata", filepath.FromSlash(name)) }

// load reads the golden file, or writes it under -update; ok is false when
// there is nothing to compare.
func load(t testing.TB, name string, got []byte) (want []byte, ok bool) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(name), got, 0o644); err != nil {
			t.Fatal(err)
		}
		return nil, false
	}
	want, err := os.ReadFile(path(name))
	if err != nil {
		t.Errorf("golden: %v, run the test with -update to write it", err)
		return nil, false
	}
	return want, true
}

func firstDifference(want, got string) string {
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	at := func(lines []string, i int) string {
		if i < len(lines) && lines[i] != "" {
			return fmt.Sprintf("%q", lines[i])
		}
		return "(end)"
	}
	i := 0
	for i < min(len(w), len(g)) && w[i] == g[i] {
		i++
	}
	return fmt.Sprintf("line %d differs\n want %s\n  got %s", i+1, at(w, i), at(g, i))
}
