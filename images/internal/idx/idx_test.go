package idx

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func encoded(t testing.TB, dims []int, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, dims, data); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, dims := range [][]int{{3}, {0}, {2, 3}, {2, 0, 5}, {2, 3, 4}, {1, 2, 3, 2}} {
		size := 1
		for _, d := range dims {
			size *= d
		}
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		plain := encoded(t, dims, data)
		for _, file := range [][]byte{plain, zipped(t, plain)} {
			gotDims, got, err := Read(bytes.NewReader(file), int64(len(file)))
			if err != nil || !slices.Equal(gotDims, dims) || !bytes.Equal(got, data) {
				t.Errorf("%v: read %v, %v, %v", dims, gotDims, got, err)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	good := encoded(t, []int{2, 3}, []byte("abcdef"))
	for want, file := range map[string][]byte{
		"header: the file is cut off":      good[:3],
		"dimension 1: the file is cut off": good[:9],
		"5 bytes of data":                  good[:len(good)-1],
		"more data than":                   append(slices.Clone(good), 'x'),
		"not an IDX file":                  []byte("JFIF not this"),
		"need 65535 bytes: the file is":    {0, 0, 8, 1, 0, 0, 255, 255}, // no memory is asked for
		"hold more than":                   {0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255},
		"gzip":                             {0x1f, 0x8b, 1},
		"need 6: the file is cut off":      zipped(t, good)[:20],
	} {
		if _, _, err := Read(bytes.NewReader(file), int64(len(file))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(path, good[:9], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadFile(path); err == nil || !strings.HasPrefix(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
	if _, _, err := ReadFile(path + "no"); err == nil {
		t.Error("a missing file is no error")
	}
	if err := Write(new(bytes.Buffer), []int{2, 2}, []byte("abc")); err == nil {
		t.Error("three bytes are written as 2 x 2")
	}
}

func FuzzRead(f *testing.F) {
	good := encoded(f, []int{2, 3}, []byte("abcdef"))
	f.Add(good)
	f.Add(zipped(f, good))
	f.Add(good[:9])
	f.Add([]byte{0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, file []byte) {
		dims, data, err := Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		// What can be read is written as it was, except for the compression.
		again := encoded(t, dims, data)
		if len(file) > 1 && file[0] == 0x1f {
			return
		}
		if !bytes.Equal(again, file) {
			t.Errorf("% x was read as %v and written as % x", file, dims, again)
		}
	})
}
