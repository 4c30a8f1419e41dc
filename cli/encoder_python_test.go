package cli

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportedEncodersInPython: the Python of docs/encoder.md, with Pillow and stock
// onnxruntime, computes the features that pmx measures, from models that resize and from
// models that do not; and every kind of export passes ONNX Runtime's symbolic shape
// inference and its preparation for quantisation.
func TestExportedEncodersInPython(t *testing.T) {
	python := stockPython(t)
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	if err := os.Mkdir(photos, 0o777); err != nil {
		t.Fatal(err)
	}
	for i, size := range [][2]int{{64, 64}, {200, 131}, {97, 300}, {73, 73}, {40, 30}, {151, 74}} {
		img := image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))
		for y := range size[1] {
			for x := range size[0] {
				img.Set(x, y, color.NRGBA{uint8(x * x * (i + 1)), uint8(y * 7 * (x + i)), uint8(255 * (x / 9 % 2)), 255})
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		writeText(t, filepath.Join(photos, fmt.Sprintf("%d.png", i)), file.String())
	}
	run := func(args ...string) {
		t.Helper()
		var out, stderr bytes.Buffer
		if code := Main(t.Context(), args, &out, &stderr); code != ExitOK {
			t.Fatalf("pmx %s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
		}
	}
	model, stem := filepath.Join(dir, "run"), filepath.Join(dir, "f")
	run("train", "--preset", "quickstart", "--runtime", "reference", "--data", photos, "--out", model, "--no-knn",
		"--set", "image_size=64,patch_size=16,dim=12,depth=1,heads=3,hidden=8,out_dim=4,batch=4,epochs=1,warmup_epochs=0")
	run("embed", model, "--runtime", "reference", "--out", stem+".npy")
	args := []string{filepath.Join("testdata", "check_encoders.py"), filepath.Join("..", "docs", "encoder.md"), stem, "64"}
	for name, flags := range map[string][]string{
		".plain.onnx": nil, ".square.onnx": {"--with-preprocessing"}, ".resize.onnx": {"--with-preprocessing", "--resize"},
		".any.onnx": {"--dynamic-size"}, ".any-bytes.onnx": {"--dynamic-size", "--with-preprocessing"},
	} {
		run(append([]string{"export", model, "--runtime", "reference", "--out", stem + name}, flags...)...)
		args = append(args, stem+name)
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "the same features\n") {
		t.Errorf("%v\n%s", err, out)
	}
	// pmx takes what it wrote.
	run("embed", stem+".resize.onnx", "--runtime", "reference", "--data", photos, "--out", filepath.Join(dir, "again.npy"))
}
