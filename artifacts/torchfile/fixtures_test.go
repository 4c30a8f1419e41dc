package torchfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pmx/artifacts/safetensors"
	"pmx/artifacts/torchfile"
	"pmx/internal/errtest"
	"pmx/internal/require"
	"pmx/onnxgraph"
)

const fixtures = "../../../shared/fixtures/weights"

// fixture is an entry of manifest.json.
type fixture struct {
	File, Expect, Why string
	Beside            []string
	WithinSeconds     float64 `json:"within_seconds"`
	WithinBytes       uint64  `json:"within_bytes"`
}

func (f fixture) path() string { return filepath.Join(fixtures, f.File) }

// isTorch tells the files that are meant for this package.
func (f fixture) isTorch() bool {
	return slices.Contains([]string{".pth", ".tar", ".pt", ".pkl"}, filepath.Ext(f.File))
}

func manifest(t testing.TB) []fixture {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(fixtures, "manifest.json"))
	if err != nil {
		require.Missing(t, err)
	}
	var m struct{ Files []fixture }
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(m.Files, func(f fixture) bool { return !f.isTorch() })
}

// TestElements: every element type and stride, in each container, as the recording
// has them contiguous.
func TestElements(t *testing.T) {
	manifest(t)
	list, _, err := safetensors.ReadFile(filepath.Join(fixtures, "elements.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*onnxgraph.Tensor{}
	for _, n := range list {
		want[n.Name] = n.Tensor
	}
	for _, name := range []string{"elements_zip.pth", "elements_legacy.pth", "elements_protocol4.pth"} {
		t.Run(name, func(t *testing.T) {
			r, err := torchfile.Open(filepath.Join(fixtures, name))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := tensors(r.Object(), "")
			if name == "elements_zip.pth" && len(got) != len(want) {
				t.Errorf("%d tensors, want %d", len(got), len(want))
			}
			if len(got) < 15 {
				t.Errorf("only %d tensors", len(got))
			}
			for name, d := range got {
				x, err := r.Read(d)
				if err != nil {
					t.Error(err)
					continue
				}
				if w := want[name]; w == nil || w.DType() != x.DType() || !w.Shape().Equal(x.Shape()) || !bytes.Equal(w.Bytes(), x.Bytes()) {
					t.Errorf("%s is %v, want %v, or has other elements", name, x, w)
				}
			}
		})
	}
}

// tensors lists those of nested dictionaries, their keys joined by dots.
func tensors(object any, prefix string) map[string]*torchfile.Tensor {
	out := map[string]*torchfile.Tensor{}
	dict, ok := object.(*torchfile.Dict)
	if !ok {
		return out
	}
	for key, value := range dict.All() {
		name := prefix + fmt.Sprint(key)
		if d, ok := value.(*torchfile.Tensor); ok {
			out[name] = d
		}
		for inner, d := range tensors(value, name+".") {
			out[inner] = d
		}
	}
	return out
}

// readAll opens a file and reads every tensor that it has, wherever it is.
func readAll(data []byte) error {
	r, err := torchfile.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, d := range tensors(r.Object(), "") {
		if _, err := r.Read(d); err != nil {
			return err
		}
	}
	return nil
}

// TestGoodFiles: each is read whole.
func TestGoodFiles(t *testing.T) {
	for _, f := range manifest(t) {
		if f.Expect != "load" && f.Expect != "read" {
			continue
		}
		data, err := os.ReadFile(f.path())
		if err != nil {
			t.Fatal(err)
		}
		if err := readAll(data); err != nil {
			t.Errorf("%s: %v", f.File, err)
		}
	}
}

// TestHostile: an error of one line, in time and memory, by the reader itself.
func TestHostile(t *testing.T) {
	for _, f := range manifest(t) {
		if !strings.HasPrefix(f.File, "hostile/") {
			continue
		}
		t.Run(f.File, func(t *testing.T) {
			data, err := os.ReadFile(f.path())
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err = readAll(data)
			seconds := time.Since(start).Seconds()
			runtime.ReadMemStats(&after)
			if f.File != "hostile/os_system_beside.pth" { // what is beside is a remark
				errtest.OneLine(t, err, "torchfile: ")
			}
			t.Logf("%s: %v", f.Why, err)
			if seconds > f.WithinSeconds {
				t.Errorf("%.1f s, want at most %g", seconds, f.WithinSeconds)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > f.WithinBytes {
				t.Errorf("%d bytes, want at most %d", taken, f.WithinBytes)
			}
		})
	}
}

// TestObjectsBeside: what is not weights is named, and never made.
func TestObjectsBeside(t *testing.T) {
	manifest(t)
	for name, want := range map[string][]string{
		"dino_full.pth":                {"argparse.Namespace"},
		"container_objects_beside.pth": {"argparse.Namespace", "datetime.datetime", "scalar", "_reconstruct", "builtins.set"},
		"hostile/os_system_beside.pth": {"os.system"},
	} {
		r, err := torchfile.Open(filepath.Join(fixtures, name))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(r.Objects(), " ")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: objects %s, want %s among them", name, got, w)
			}
		}
		r.Close()
	}
}

// TestRefusedContainers: each is named.
func TestRefusedContainers(t *testing.T) {
	manifest(t)
	for name, want := range map[string]string{
		"refuse/ancient_tar.pth":          "before 0.1.10",
		"refuse/detectron2_numpy.pkl":     "bare pickle",
		"refuse/torchscript.pt":           "TorchScript",
		"refuse/patchmix_best_module.pth": "module.vits.VisionTransformerMoCo",
		"hf_vit/model.safetensors":        "safetensors",
		"manifest.json":                   "not a file of torch.save",
	} {
		_, err := torchfile.Open(filepath.Join(fixtures, name))
		errtest.OneLine(t, err, "torchfile: ", name, want)
	}
	_, err := torchfile.Open(t.TempDir())
	errtest.OneLine(t, err, "not a regular file")
}

// TestDamage cuts a good file of each container and flips its bits: no panic, and no
// file that is cut is read whole. (Package weights does the same to the layouts.)
func TestDamage(t *testing.T) {
	for _, f := range manifest(t) {
		if !strings.HasPrefix(f.File, "container_") && !strings.HasPrefix(f.File, "elements_") {
			continue
		}
		data, err := os.ReadFile(f.path())
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(data); at += 100 {
			if readAll(data[:at]) == nil {
				t.Errorf("%s cut at %d is read", f.File, at)
			}
			damaged := bytes.Clone(data)
			damaged[at] ^= 0xff
			_ = readAll(damaged) // the legacy container has no checksums
		}
	}
}
