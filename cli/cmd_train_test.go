package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/tasks"
)

// TestTrainPathNotUTF8: config.json could not say where the images lie.
func TestTrainPathNotUTF8(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "photos\xff")
	if err := drawAll(data); err != nil {
		require.Missing(t, err) // some file systems take no such name
	}
	run := filepath.Join(dir, "run")
	var stderr strings.Builder
	code := Main(t.Context(), []string{"train", "--preset", "quickstart", "--runtime", "reference", "--set", "batch=4", "--no-knn",
		"--set", "dim=4", "--set", "heads=1", "--set", "depth=1", "--data", "folder:" + filepath.Join(data, "classes"), "--out", run}, io.Discard, &stderr)
	if want := `photos\xff/classes": config.json cannot hold a path that is not UTF-8: rename the folder, or name a link to it`; code != ExitUsage || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, %s, want %d, %s", code, stderr.String(), ExitUsage, want)
	}
	if _, err := os.Stat(run); err == nil {
		t.Error("a run was begun")
	}
}

func quickstart(t *testing.T) *tasks.Contrastive {
	t.Helper()
	p, err := tasks.LookupPreset("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	return p.Recipe().(*tasks.Contrastive)
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
