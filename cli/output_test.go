package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// brokenWriter takes some bytes and then fails.
type brokenWriter struct {
	room int
	err  error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if n := min(len(p), w.room); n < len(p) {
		w.room = 0
		return n, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: w.err}
	}
	w.room -= len(p)
	return len(p), nil
}

// TestOutputLost: no command is a success whose output could not be written. The
// commands print in all ways: by fmt, as a table, as JSON, as help.
func TestOutputLost(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PMX_CACHE", dir) // of runtime list, which is empty then
	const want = "pmx: standard output could not be written: no space left on device\n"
	for _, command := range []string{
		"--help", "train --help", "eval", "version", "version --licences", "presets", "presets quickstart", "presets --keys",
		"build-graph --preset quickstart --out DIR/step.onnx --state DIR/state.safetensors", "inspect DIR/step.onnx", "inspect DIR/state.safetensors",
		"build-graph --preset quickstart --format ort-training --out DIR/artifacts", "runtime list",
		"preview --preset quickstart --data sample --out DIR/sheet.png",
		"bench views --noise 8 --size 8 --count 1", "bench views --noise 8 --size 8 --count 1 --json",
		"bench gemm --runtime reference --size 8 --count 1", "detect generate --gt DIR/gt.json --results DIR/results.json --images 2",
		"detect score --gt DIR/gt.json --results DIR/results.json --per-category",
	} {
		args := strings.Fields(strings.ReplaceAll(command, "DIR", dir))
		t.Run(command, func(t *testing.T) {
			var whole, stderr strings.Builder
			if code := Main(t.Context(), args, &whole, &stderr); code != ExitOK || whole.Len() == 0 {
				t.Fatalf("exit code %d, %d bytes: %s", code, whole.Len(), stderr.String())
			}
			for _, room := range []int{0, whole.Len() / 2} {
				if strings.Contains(command, "ort-training") {
					os.RemoveAll(filepath.Join(dir, "artifacts"))
				}
				stderr.Reset()
				code := Main(t.Context(), args, &brokenWriter{room, syscall.ENOSPC}, &stderr)
				if code != ExitFailure || !strings.HasSuffix(stderr.String(), want) {
					t.Errorf("with room for %d bytes: exit code %d, standard error %q, want %d and %q", room, code, stderr.String(), ExitFailure, want)
				}
			}
		})
	}
}

// TestReaderGone: the end of `pmx presets | head -1` is no news.
func TestReaderGone(t *testing.T) {
	var stderr strings.Builder
	if code := Main(t.Context(), []string{"presets"}, &brokenWriter{err: syscall.EPIPE}, &stderr); code != ExitFailure || stderr.String() != "" {
		t.Errorf("exit code %d, standard error %q, want %d and nothing", code, stderr.String(), ExitFailure)
	}
}

// TestOutputLostIsSecond: what went wrong besides is told first.
func TestOutputLostIsSecond(t *testing.T) {
	o := &output{w: &brokenWriter{err: syscall.EIO}}
	if _, err := io.WriteString(o, "x"); err == nil {
		t.Fatal("nothing was lost")
	}
	failure := errors.New("failure")
	if got := o.check(failure); !errors.Is(got, failure) {
		t.Errorf("check gives %v, want %v", got, failure)
	}
	if got := o.check(nil); !errors.Is(got, o.lost) {
		t.Errorf("check gives %v, want %v", got, o.lost)
	}
}
