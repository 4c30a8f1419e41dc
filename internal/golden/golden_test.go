package golden

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// recorder stands in for a test that is allowed to fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestRecorder/sub" }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) { r.failures = append(r.failures, fmt.Sprint(args...)) }

func TestCompare(t *testing.T) {
	t.Chdir(t.TempDir())
	r := &recorder{TB: t}

	Text(r, "a/b.txt", "one\ntwo\n")
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "-update") {
		t.Fatalf("a missing file says %q", r.failures)
	}

	was := *update
	*update = true
	r.failures = nil
	Text(r, "a/b.txt", "one\ntwo\n")
	*update = was
	if data, err := os.ReadFile("testdata/a/b.txt"); err != nil || string(data) != "one\ntwo\n" {
		t.Fatalf("-update wrote %q, %v", data, err)
	}
	if *update {
		t.Skip("the comparisons below would rewrite the file")
	}

	Text(r, "a/b.txt", "one\ntwo\n")
	Bytes(r, "a/b.txt", []byte("one\ntwo\n"))
	if len(r.failures) != 0 {
		t.Fatalf("equal text says %q", r.failures)
	}

	Text(r, "a/b.txt", "one\n2\n")
	Text(r, "a/b.txt", "one\n")
	Bytes(r, "a/b.txt", []byte("one\nTwo"))
	for i, want := range []string{`line 2 differs`, `got (end)`, `byte 4 differs (want 8 bytes, got 7)`} {
		if i >= len(r.failures) || !strings.Contains(r.failures[i], want) {
			t.Errorf("failure %d is %q, want it to contain %q", i, r.failures, want)
		}
	}
}
