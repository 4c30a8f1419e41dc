package kernels_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/runtimes/kernels"
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
	dir := t.TempDir()
	program, empty := filepath.Join(dir, "sanitize"), filepath.Join(dir, "empty.c")
	build := func(sources ...string) (output []byte, err error) {
		flags := []string{"-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I.", "-o", program}
		return exec.Command(cc, append(append(flags, sources...), "-lm")...).CombinedOutput()
	}
	if err := os.WriteFile(empty, []byte("int main(void) { return 0; }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := build(empty); err != nil {
		require.Missing(t, fmt.Sprintf("a C compiler with sanitizers: %s: %v\n%s", cc, err, out))
	}
	if out, err := build(append(sources, "testdata/sanitize.c")...); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
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
