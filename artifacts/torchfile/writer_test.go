package torchfile_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pmx/artifacts/torchfile"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// everything is an object of all that Write takes.
func everything() (*torchfile.Dict, map[string]*onnxgraph.Tensor) {
	want := map[string]*onnxgraph.Tensor{}
	state := &torchfile.Dict{}
	for i, x := range []*onnxgraph.Tensor{
		onnxgraph.NewTensor([]int{2, 3}, []float32{1, 2, 3, 4, 5, float32(math.Inf(1))}), onnxgraph.NewTensor([]int{1, 2}, []float64{1.5, -2}),
		onnxgraph.NewTensor([]int{2}, []int8{1, -2}), onnxgraph.NewTensor([]int{2}, []int16{1, -2}),
		onnxgraph.NewTensor([]int{2}, []int32{1, -2}), onnxgraph.NewTensor([]int{2}, []int64{1, -2}),
		onnxgraph.NewTensor([]int{2}, []uint8{1, 255}), onnxgraph.NewTensor([]int{2}, []bool{true, false}),
		onnxgraph.Bits16(onnxgraph.Float16, []int{2}, []uint16{0x3c00, 0xc000}), onnxgraph.Bits16(onnxgraph.BFloat16, []int{2}, []uint16{0x3f80, 0xc000}),
		onnxgraph.ScalarTensor[float32](7), onnxgraph.NewTensor([]int{0, 3}, []float32{}),
	} {
		name := fmt.Sprintf("blocks.%d.weight", i)
		state.Set(name, x)
		want["model."+name] = x
	}
	object := &torchfile.Dict{}
	object.Set("model", state)
	pmx := &torchfile.Dict{}
	for i, v := range []any{"heads", true, false, nil, 0, 255, 256, 65535, 65536, -1, int64(math.MinInt64), 1e-6, torchfile.Tuple{1, "é"}, &torchfile.List{Items: []any{1.5, "x"}}, &torchfile.Dict{}} {
		pmx.Set(fmt.Sprint(i), v)
	}
	object.Set("pmx", pmx)
	return object, want
}

// TestRoundTrip: what is written is read, every value and every bit.
func TestRoundTrip(t *testing.T) {
	object, want := everything()
	path := filepath.Join(t.TempDir(), "x.pth")
	if err := torchfile.WriteFile(path, object); err != nil {
		t.Fatal(err)
	}
	r, err := torchfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := tensors(r.Object(), "")
	if len(got) != len(want) {
		t.Errorf("%d tensors, want %d", len(got), len(want))
	}
	for name, w := range want {
		x, err := r.Read(got[name])
		if err != nil || x.DType() != w.DType() || !x.Shape().Equal(w.Shape()) || !bytes.Equal(x.Bytes(), w.Bytes()) {
			t.Errorf("%s is %v %v, want %v, or has other elements", name, x, err, w)
		}
	}
	read, _ := r.Object().(*torchfile.Dict).Get("pmx")
	var values []any
	for _, v := range read.(*torchfile.Dict).All() {
		values = append(values, v)
	}
	expected := []any{
		"heads", true, false, nil, int64(0), int64(255), int64(256), int64(65535), int64(65536), int64(-1), int64(math.MinInt64), 1e-6,
		torchfile.Tuple{int64(1), "é"}, &torchfile.List{Items: []any{1.5, "x"}}, &torchfile.Dict{},
	}
	if diff := cmp.Diff(expected, values, cmp.Comparer(func(a, b *torchfile.Dict) bool { return a.Len() == b.Len() })); diff != "" {
		t.Error(diff)
	}
	if objects := r.Objects(); len(objects) != 0 {
		t.Errorf("objects %v in plain values", objects)
	}
}

// TestContainer: entries are stored at multiples of 64 bytes, and the same object
// gives the same bytes.
func TestContainer(t *testing.T) {
	object, want := everything()
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := torchfile.Write(b, object); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two files of one object differ")
	}
	z, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	if err != nil {
		t.Fatal(err)
	}
	storages := 0
	for _, f := range z.File {
		start, err := f.DataOffset()
		if err != nil || f.Method != zip.Store || start%64 != 0 {
			t.Errorf("%s begins at %d by method %d (%v)", f.Name, start, f.Method, err)
		}
		if strings.HasPrefix(f.Name, "archive/data/") {
			storages++
		}
	}
	if storages != len(want) {
		t.Errorf("%d storages, want %d", storages, len(want))
	}
}

func TestWriterRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pth")
	for _, object := range []any{big.NewInt(1), onnxgraph.NewTensor([]int{1}, []uint32{1}), torchfile.Tuple{struct{}{}}} {
		errtest.OneLine(t, torchfile.WriteFile(path, object), "torchfile: ")
		if _, err := os.Stat(path); err == nil {
			t.Error("a file appeared")
		}
	}
}
