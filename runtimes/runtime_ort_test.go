package runtimes_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"pmx/internal/errtest"
	"pmx/internal/orttest"
	"pmx/runtimes"
	"pmx/runtimes/runtimelib"
)

// TestORTMissing names what is not there.
func TestORTMissing(t *testing.T) {
	r, err := runtimes.LookupRuntime("ort")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("device", func(t *testing.T) {
		openRuntime(t, "ort")
		_, err := r.Version(runtimes.Options{Device: "tpu"})
		errtest.OneLine(t, err, `unknown device "tpu": want cpu or cuda`)
	})
	t.Run("cuda by a library for the CPU", func(t *testing.T) {
		_, err := r.Version(runtimes.Options{Device: "cuda", Library: installed(t, runtimelib.ORT)})
		errtest.OneLine(t, err, "cuda: ", "built without the CUDA provider", "`pmx runtime install --cuda`",
			"needs an NVIDIA driver, CUDA 13 ", "cuDNN 9", "--device cpu runs without")
	})
	t.Run("training library", func(t *testing.T) {
		_, err := r.Version(runtimes.Options{Library: installed(t, runtimelib.ORTTraining)})
		errtest.OneLine(t, err, "is ONNX Runtime 1.19.2, without version 24 of the C API; `pmx runtime install` installs a library that fits")
	})
	t.Run("no library", func(t *testing.T) {
		text := filepath.Join(t.TempDir(), "text.so")
		if err := os.WriteFile(text, []byte("not a library\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := r.Version(runtimes.Options{Library: text})
		errtest.OneLine(t, err, "cannot load ONNX Runtime: "+text+": ", "`pmx runtime install` installs a library that fits")
	})
}

// TestORTVersion: the version of the C API that errors name, and that a library is
// asked for before it could print, is that of the binding's header.
func TestORTVersion(t *testing.T) {
	source, err := os.ReadFile("runtime_ort_library.go")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^#define ORT_API_VERSION (\d+)$`).FindStringSubmatch(orttest.Header(t))
	got := regexp.MustCompile(`(?m)^const ortAPI = (\d+)$`).FindSubmatch(source)
	if want == nil || got == nil || want[1] != string(got[1]) {
		t.Errorf("ortAPI is %q, the binding's %q", got, want)
	}
}
