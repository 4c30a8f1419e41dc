package coco

import (
	"bytes"
	"testing"
)

// synthetic is the text of an instances file with that many images.
func synthetic(tb testing.TB, images int) []byte {
	tb.Helper()
	s := DefaultSynthetic()
	s.Images = images
	var text bytes.Buffer
	if err := s.WriteDataset(&text); err != nil {
		tb.Fatal(err)
	}
	return text.Bytes()
}

func BenchmarkReadDataset(b *testing.B) {
	text := synthetic(b, 2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ReadDataset(bytes.NewReader(text), ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScanDataset reads without keeping anything.
func BenchmarkScanDataset(b *testing.B) {
	text := synthetic(b, 2000)
	b.SetBytes(int64(len(text)))
	n := 0
	count := func(*Annotation) error { n++; return nil }
	for b.Loop() {
		if err := ScanDataset(bytes.NewReader(text), ReadOptions{}, Visitor{Annotation: count}); err != nil {
			b.Fatal(err)
		}
	}
}
