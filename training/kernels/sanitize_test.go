package kernels_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/training/kernels"
)

// TestSanitizers builds the kernels with the compiler's address and
// undefined-behaviour sanitizers, and runs each on random shapes and in two orders
// of its tasks (testdata/sanitize.c).
func TestSanitizers(t *testing.T) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	sources, err := filepath.Glob("isa_*.c")
	if err != nil || len(sources) != 3 {
		t.Fatalf("sources %v (%v), want three", sources, err)
	}
	program := filepath.Join(t.TempDir(), "sanitize")
	flags := []string{"-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I.", "-o", program}
	build := exec.Command(cc, append(append(flags, sources...), "testdata/sanitize.c", "-lm")...)
	if out, err := build.CombinedOutput(); err != nil {
		require.Missing(t, "a C compiler with sanitizers: "+cc+": "+string(out))
	}
	out, err := exec.Command(program, kernels.ISAs()...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, isa := range kernels.ISAs() {
		if !strings.Contains(string(out), isa+": ") {
			t.Errorf("%s was not run: %s", isa, out)
		}
	}
}
