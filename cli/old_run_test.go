package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/runtimes/runtimelib"
)

// TestOldRunResumes: a run that an earlier build stopped at step 202 of 624 continues to
// its end, with a note that it is no longer bit for bit, and is exported.
func TestOldRunResumes(t *testing.T) {
	if _, err := findLibrary(runtimelib.ORT, ""); err != nil {
		require.Missing(t, err.Error())
	}
	old := filepath.Join("..", "..", "shared", "cases", "old_run", "run")
	if _, err := os.Stat(old); err != nil {
		require.Missing(t, "no run of an earlier build in "+old)
	}
	run := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(run, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(run, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755)
	}); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	if code := Main(t.Context(), []string{"train", "--resume", "--out", run}, &out, &stderr); code != ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for _, want := range []string{"no longer bit for bit", "resumed after step 202/624", "step 624/624"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in\n%s", want, stderr.String())
		}
	}
	for _, name := range []string{"encoder.onnx", "checkpoints/000624.safetensors"} {
		if _, err := os.Stat(filepath.Join(run, name)); err != nil {
			t.Error(err)
		}
	}
}
