package coco

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"pmx/internal/errtest"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReadText: the same data set behind a byte order mark, packed, and both.
func TestReadText(t *testing.T) {
	want, err := ReadDataset(strings.NewReader(someInstances), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const mark = "\uFEFF"
	for name, text := range map[string]string{"mark": mark + someInstances, "gzip": zipped(t, someInstances), "both": zipped(t, mark+someInstances)} {
		got, err := ReadDataset(iotest.OneByteReader(strings.NewReader(text)), ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want.Images, got.Images) + cmp.Diff(want.Annotations, got.Annotations); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	packed := zipped(t, someInstances)
	for text, want := range map[string]string{
		packed[:5]:                        "damaged gzip",
		packed[:len(packed)/2]:            "unexpected EOF",
		packed[:len(packed)-6] + "abcdef": "checksum",
		"":                                "",
		"\xef\xbb":                        "",
		mark + mark + someInstances:       "",
	} {
		_, err := ReadDataset(strings.NewReader(text), ReadOptions{File: "gt.json"})
		errtest.OneLine(t, err, "gt.json", want)
	}
}
