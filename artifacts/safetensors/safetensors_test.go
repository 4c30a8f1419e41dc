package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/internal/require"
	"pmx/onnxgraph"
)

// vectors builds the tensors of testdata/make_vectors.py.
func vectors() map[string]*onnxgraph.Tensor {
	shape := []int{2, 3}
	return map[string]*onnxgraph.Tensor{
		"bool":     onnxgraph.NewTensor(shape, []bool{false, true, false, true, false, true}),
		"uint8":    onnxgraph.NewTensor(shape, []uint8{0, 1, 2, 3, 4, 5}),
		"int8":     onnxgraph.NewTensor(shape, []int8{0, 1, 2, 3, 4, 5}),
		"uint16":   onnxgraph.NewTensor(shape, []uint16{0, 1, 2, 3, 4, 5}),
		"int16":    onnxgraph.NewTensor(shape, []int16{0, 1, 2, 3, 4, 5}),
		"uint32":   onnxgraph.NewTensor(shape, []uint32{0, 1, 2, 3, 4, 5}),
		"int32":    onnxgraph.NewTensor(shape, []int32{0, 1, 2, 3, 4, 5}),
		"uint64":   onnxgraph.NewTensor(shape, []uint64{0, 1, 2, 3, 4, 5}),
		"int64":    onnxgraph.NewTensor(shape, []int64{0, 1, 2, 3, 4, 5}),
		"float32":  onnxgraph.NewTensor(shape, []float32{0, .25, .5, .75, 1, 1.25}),
		"float64":  onnxgraph.NewTensor(shape, []float64{0, .25, .5, .75, 1, 1.25}),
		"float16":  onnxgraph.Bits16(onnxgraph.Float16, shape, []uint16{0, 0x3400, 0x3800, 0x3a00, 0x3c00, 0x3d00}),
		"bfloat16": onnxgraph.Bits16(onnxgraph.BFloat16, shape, []uint16{0, 0x3e80, 0x3f00, 0x3f40, 0x3f80, 0x3fa0}),
		"scalar":   onnxgraph.ScalarTensor[float32](1.5),
		"empty":    onnxgraph.NewTensor([]int{0, 3}, []float32{}),
		"":         onnxgraph.NewTensor([]int{1}, []int8{7}),
		"quote\" back\\slash </tag>& é中😀\n\x01": onnxgraph.NewTensor([]int{2}, []float32{1, -2}),
	}
}

// TestReferenceVectors reads what the reference implementation wrote, and
// writes the same bytes.
func TestReferenceVectors(t *testing.T) {
	want, err := os.ReadFile("testdata/vectors.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	list, metadata, err := ReadFile("testdata/vectors.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(metadata, map[string]string{"format": "pt"}) {
		t.Errorf("metadata %v", metadata)
	}
	assertTensors(t, list, Sorted(vectors()))

	var got bytes.Buffer
	if err := Write(&got, Sorted(vectors()), metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("wrote\n%q\nthe reference writes\n%q", got.Bytes(), want)
	}
}

func TestOrderIsKept(t *testing.T) {
	list := Sorted(vectors())
	slices.Reverse(list)
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteFile(path, list, nil); err != nil {
		t.Fatal(err)
	}
	got, metadata, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(metadata) != 0 {
		t.Errorf("metadata %v out of nothing", metadata)
	}
	assertTensors(t, got, list)
}

func TestReadInto(t *testing.T) {
	r, err := Open("testdata/vectors.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, want := range vectors() {
		dst := onnxgraph.Zeros(want.DType(), want.Shape())
		if err := r.ReadInto(name, dst); err != nil {
			t.Fatal(err)
		}
		assertTensors(t, []Named{{name, dst}}, []Named{{name, want}})
	}
	for name, dst := range map[string]*onnxgraph.Tensor{
		"float32": onnxgraph.Zeros(onnxgraph.Float32, []int{3, 2}),
		"int32":   onnxgraph.Zeros(onnxgraph.Uint32, []int{2, 3}),
		"absent":  onnxgraph.Zeros(onnxgraph.Float32, nil),
	} {
		if err := r.ReadInto(name, dst); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("%s into %v: error %v", name, dst, err)
		}
	}
	if _, err := r.Tensor("absent"); err == nil {
		t.Error("an absent tensor was read")
	}
}

// TestPublishedFixtures reads files of the reference implementation's writer
// with hundreds of tensors.
func TestPublishedFixtures(t *testing.T) {
	paths, err := filepath.Glob("../../../shared/fixtures/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		require.Missing(t, "no fixtures in ../shared/fixtures")
	}
	for _, path := range paths {
		list, metadata, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) < 100 || metadata["config"] == "" {
			t.Errorf("%s: %d tensors, metadata %v", path, len(list), metadata)
		}
		var got bytes.Buffer
		if err := Write(&got, list, metadata); err != nil {
			t.Fatal(err)
		}
		again, err := NewReader(bytes.NewReader(got.Bytes()), int64(got.Len()))
		if err != nil {
			t.Fatal(err)
		}
		assertTensors(t, readAll(t, again), list)
	}
}

// file is a header and n bytes of data.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, n)...)
}

func TestRefusals(t *testing.T) {
	const f32 = `{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty file":         {nil, "truncated"},
		"only a size":        {file("", 0), "truncated"},
		"text":               {[]byte("hello, this is text"), "not a safetensors file"},
		"huge header":        {append([]byte{0, 0, 0, 0, 1, 0, 0, 0}, '{'), "a header of 4294967296 bytes, the format allows 100000000"},
		"negative header":    {append(bytes.Repeat([]byte{0xff}, 8), '{'), "the format allows"},
		"short header":       {file(`{"x":`+f32+`}`, 0)[:20], "truncated: the header needs"},
		"short data":         {file(`{"x":`+f32+`}`, 7), "truncated: the tensors need 8 bytes, 7 are there"},
		"long data":          {file(`{"x":`+f32+`}`, 9), "1 bytes follow the last tensor"},
		"array header":       {file(`[]`, 0), "not a JSON object"},
		"broken JSON":        {file(`{"x":`+f32, 8), "not valid JSON"},
		"two objects":        {file(`{"x":`+f32+`}{}`, 8), "behind its JSON object"},
		"not UTF-8":          {file("{\"\xff\":"+f32+`}`, 8), "not a JSON object"},
		"twice":              {file(`{"x":`+f32+`,"x":`+f32+`}`, 8), `"x" appears twice`},
		"twice, escaped":     {file(`{"x":`+f32+`,"\u0078":`+f32+`}`, 8), `"x" appears twice`},
		"metadata twice":     {file(`{"__metadata__":{},"__metadata__":{}}`, 0), "appears twice"},
		"metadata key twice": {file(`{"__metadata__":{"a":"","a":""}}`, 0), `metadata "a" appears twice`},
		"metadata number":    {file(`{"__metadata__":{"a":1}}`, 0), "string is due"},
		"overlap":            {file(`{"x":`+f32+`,"y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}`, 8), "inside the tensor before it"},
		"same place":         {file(`{"x":`+f32+`,"y":`+f32+`}`, 8), "inside the tensor before it"},
		"gap":                {file(`{"x":`+f32+`,"y":{"dtype":"U8","shape":[4],"data_offsets":[9,13]}}`, 13), "leaving a gap"},
		"gap in front":       {file(`{"y":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}`, 5), "leaving a gap"},
		"reversed offsets":   {file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), "not a begin and an end"},
		"one offset":         {file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, 8), "not a begin and an end"},
		"negative dimension": {file(`{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8), "-2 is not a whole number"},
		"fraction":           {file(`{"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`, 8), "2.0 is not a whole number"},
		"exponent":           {file(`{"x":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}`, 8), "2e0 is not a whole number"},
		"overflow":           {file(`{"x":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}}`, 0), "more than"},
		"big number":         {file(`{"x":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,0]}}`, 0), "not a whole number"},
		"wrong size":         {file(`{"x":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}`, 8), "F64[2] needs 16 bytes"},
		"unknown type":       {file(`{"x":{"dtype":"F7","shape":[8],"data_offsets":[0,8]}}`, 8), `"F7" are not known`},
		"unknown field":      {file(`{"x":{"dtype":"F32","Shape":[2],"data_offsets":[0,8]}}`, 8), `unknown field "Shape"`},
		"field twice":        {file(`{"x":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), "dtype appears twice"},
		"no shape":           {file(`{"x":{"dtype":"F32","data_offsets":[0,8]}}`, 8), "shape is missing"},
		"shape a string":     {file(`{"x":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}`, 8), "is due"},
		"tensor a list":      {file(`{"x":[]}`, 0), "is due"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewReader(bytes.NewReader(tt.data), int64(len(tt.data)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want it to say %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "safetensors: ") {
				t.Errorf("not a one-line error of this package: %v", err)
			}
			if errors.Is(err, ErrTruncated) != strings.Contains(tt.want, "truncated") {
				t.Errorf("ErrTruncated is wrong for %v", err)
			}
		})
	}
}

// TestEveryTruncation cuts a good file at each length.
func TestEveryTruncation(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := NewReader(bytes.NewReader(data[:n]), int64(n)); !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut at %d of %d bytes: error %v", n, len(data), err)
		}
	}
}

func TestWriterRefusals(t *testing.T) {
	one := onnxgraph.ScalarTensor[float32](1)
	for name, tt := range map[string]struct {
		list     []Named
		metadata map[string]string
	}{
		"same name":     {list: []Named{{"a", one}, {"a", one}}},
		"reserved name": {list: []Named{{"__metadata__", one}}},
		"bad UTF-8":     {list: []Named{{"\xff", one}}},
		"bad metadata":  {metadata: map[string]string{"a": "\xff"}},
	} {
		path := filepath.Join(t.TempDir(), "x")
		if err := WriteFile(path, tt.list, tt.metadata); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file appeared", name)
		}
	}
}

func TestOpenNamesThePath(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	if err := os.WriteFile(bad, []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, bad, filepath.Join(dir, "absent")} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name %s", err, path)
		}
	}
}

// FuzzReader reads arbitrary bytes; what is accepted must survive a round trip.
func FuzzReader(f *testing.F) {
	data, err := os.ReadFile("testdata/vectors.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(file(`{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} `, 8))
	f.Add(file(`{}`, 0))
	f.Add(file(`{"x":{"dtype":"U8","shape":[4611686018427387904,0],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		list := readAll(t, r)
		var written bytes.Buffer
		if err := Write(&written, list, r.Metadata()); err != nil {
			t.Fatal(err)
		}
		again, err := NewReader(bytes.NewReader(written.Bytes()), int64(written.Len()))
		if err != nil {
			t.Fatal(err)
		}
		assertTensors(t, readAll(t, again), list)
		if !maps.Equal(again.Metadata(), r.Metadata()) {
			t.Errorf("metadata %v became %v", r.Metadata(), again.Metadata())
		}
	})
}

func readAll(t *testing.T, r *Reader) []Named {
	t.Helper()
	var list []Named
	for n, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

func assertTensors(t *testing.T, got, want []Named) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d tensors, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Name != w.Name || g.DType() != w.DType() || !g.Shape().Equal(w.Shape()) || !bytes.Equal(g.Bytes(), w.Bytes()) {
			t.Errorf("tensor %d is %q %v %x, want %q %v %x", i, g.Name, g.Tensor, g.Bytes(), w.Name, w.Tensor, w.Bytes())
		}
	}
}

// TestOtherTypes: tensors of types that are not computed with are described, with their
// sizes checked, and refused when they are read.
func TestOtherTypes(t *testing.T) {
	for _, c := range []struct {
		dtype string
		n     int
		bytes int
	}{{"F4", 6, 3}, {"F4", 5, 3}, {"F6_E2M3", 4, 3}, {"F8_E4M3", 5, 5}, {"F8_E5M2", 5, 5}, {"F8_E8M0", 1, 1}, {"C64", 2, 16}} {
		header := fmt.Sprintf(`{"x":{"dtype":"%s","shape":[%d],"data_offsets":[0,%d]}}`, c.dtype, c.n, c.bytes)
		data := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		data = append(data, make([]byte, c.bytes)...)
		r, err := NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Errorf("%s: %v", c.dtype, err)
			continue
		}
		if info := r.Infos()[0]; info.Type != c.dtype || info.DType != onnxgraph.Undefined || info.Shape[0] != c.n {
			t.Errorf("%s is described as %+v", c.dtype, info)
		}
		if _, err := r.Tensor("x"); err == nil || !strings.Contains(err.Error(), c.dtype) {
			t.Errorf("%s is read, error %v", c.dtype, err)
		}
		if _, err := NewReader(bytes.NewReader(data[:len(data)-1]), int64(len(data)-1)); err == nil {
			t.Errorf("%s in a byte less", c.dtype)
		}
	}
}
