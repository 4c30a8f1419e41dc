// Package recording finds and reads the recorded numbers of independent
// implementations that tests compare with, safetensors files and JSON: those of the
// tested package in its testdata/fixtures, those of several packages in this one's,
// and the large ones beside the project in ../shared/fixtures. It has a safetensors
// reader of its own, so that what tests the program's reader does not depend on it.
//
// In testdata/fixtures/supervised are mixup and cutmix of timm 0.6.11 (mixing) and the
// learning rates by epoch and by layer that the scripts of PatchMix and MAE execute
// (schedules).
package recording

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pmx/internal/require"
)

// Glob lists the files whose path below the fixtures matches pattern, see
// filepath.Glob. Where there is none, the test ends as require.Missing says.
func Glob(t testing.TB, pattern string) []string {
	t.Helper()
	home := root(t)
	for _, dir := range []string{
		filepath.Join("testdata", "fixtures"),
		filepath.Join(home, "internal", "recording", "testdata", "fixtures"),
		filepath.Join(home, "..", "shared", "fixtures"),
	} {
		if files, _ := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern))); len(files) > 0 {
			return files
		}
	}
	require.Missing(t, "the recorded numbers ../shared/fixtures/"+pattern)
	return nil
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}

// File is a recording.
type File struct {
	meta    map[string]string
	entries map[string]entry
	data    []byte
}

type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Open reads the recording of that path below the fixtures.
func Open(t testing.TB, path string) *File {
	t.Helper()
	return Read(t, Glob(t, path)[0])
}

// Read reads a safetensors file.
func Read(t testing.TB, path string) *File {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.Uint64(raw)
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	f := &File{entries: map[string]entry{}, data: raw[8+size:]}
	if meta, ok := header["__metadata__"]; ok {
		if err := json.Unmarshal(meta, &f.meta); err != nil {
			t.Fatal(err)
		}
	}
	delete(header, "__metadata__")
	for name, text := range header {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		f.entries[name] = e
	}
	return f
}

// Meta decodes a value of the header's metadata, which is JSON, into v.
func (f *File) Meta(t testing.TB, key string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.meta[key]), v); err != nil {
		t.Fatalf("the recording's %s: %v", key, err)
	}
}

// Has reports whether there is a tensor of that name.
func (f *File) Has(name string) bool {
	_, ok := f.entries[name]
	return ok
}

// Shape is the shape of a tensor.
func (f *File) Shape(t testing.TB, name string) []int {
	t.Helper()
	e, ok := f.entries[name]
	if !ok {
		t.Fatalf("the recording has no %s", name)
	}
	return e.Shape
}

func (f *File) bytes(t testing.TB, name, dtype string) []byte {
	t.Helper()
	e, ok := f.entries[name]
	if !ok || e.DType != dtype {
		t.Fatalf("the recording has no %s of type %s", name, dtype)
	}
	return f.data[e.Offsets[0]:e.Offsets[1]]
}

// Bytes are the elements of a tensor of type U8. They must not be changed.
func (f *File) Bytes(t testing.TB, name string) []byte {
	t.Helper()
	return f.bytes(t, name, "U8")
}

// Floats are the elements of a tensor of type F32.
func (f *File) Floats(t testing.TB, name string) []float32 {
	t.Helper()
	raw := f.bytes(t, name, "F32")
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// Doubles are the elements of a tensor of type F64.
func (f *File) Doubles(t testing.TB, name string) []float64 {
	t.Helper()
	raw := f.bytes(t, name, "F64")
	out := make([]float64, len(raw)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return out
}

// Ints are the elements of a tensor of type I64.
func (f *File) Ints(t testing.TB, name string) []int {
	t.Helper()
	raw := f.bytes(t, name, "I64")
	out := make([]int, len(raw)/8)
	for i := range out {
		out[i] = int(int64(binary.LittleEndian.Uint64(raw[8*i:])))
	}
	return out
}
