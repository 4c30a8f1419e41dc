package cli

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmbedNumPy: numpy reads the features of every kind of file, and finds the same
// neighbours and duplicates.
func TestEmbedNumPy(t *testing.T) {
	python := stockPython(t)
	dir := t.TempDir()
	if err := drawAll(dir); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		var out, stderr bytes.Buffer
		if code := Main(t.Context(), args, &out, &stderr); code != ExitOK {
			t.Fatalf("pmx %s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
		}
	}
	data, model := filepath.Join(dir, "classes"), filepath.Join(dir, "run")
	run("train", "--preset", "quickstart", "--runtime", "reference", "--data", data, "--out", model, "--no-knn",
		"--set", "image_size=8,patch_size=4,dim=12,depth=1,heads=3,hidden=8,out_dim=4,batch=8,epochs=1,warmup_epochs=0")
	for _, ending := range []string{".npy", ".csv", ".safetensors"} {
		run("embed", model, "--runtime", "reference", "--out", filepath.Join(dir, "f"+ending), "--neighbours", "5", "--duplicates", "0.99")
	}
	out, err := exec.Command(python, filepath.Join("testdata", "check_embedding.py"), filepath.Join(dir, "f"), "5", "0.99").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "32 images, ") {
		t.Errorf("%v\n%s", err, out)
	}
}
