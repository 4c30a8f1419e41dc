package evaluation

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/images"
	"pmx/images/imagestest"
	"pmx/onnxgraph"
)

var journalKey = Key{Model: "m", Data: "d"}

// pairs is a batch of features [n 2].
func pairs(values ...float32) *onnxgraph.Tensor {
	return onnxgraph.NewTensor([]int{len(values) / 2, 2}, values)
}

func openJournal(t *testing.T, path string, key Key) *Journal {
	t.Helper()
	j, err := OpenJournal(path, key)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// everything is what a journal holds.
func everything(t *testing.T, j *Journal) (all []float32) {
	t.Helper()
	for rows, err := range j.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

// TestJournalDamage: after a stop at any byte, and with any byte changed, the journal has
// the records before it and continues there.
func TestJournalDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.partial")
	j := openJournal(t, path, journalKey)
	for _, batch := range [][]float32{{1, 2, 3, 4}, {5, 6}} {
		if err := j.Append(pairs(batch...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Append(onnxgraph.NewTensor([]int{1, 3}, []float32{1, 2, 3})); err == nil || !strings.Contains(err.Error(), "one size") {
		t.Errorf("features of 3 numbers after 2: error %v", err)
	}
	j.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const start, first = 8 + 32, 8 + 32 + 12 + 16 // of the records, and the end of the first
	check := func(what string, data []byte, want []float32) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		j := openJournal(t, path, journalKey)
		defer j.Close()
		if got := everything(t, j); !slices.Equal(got, want) || j.Len() != len(want)/2 {
			t.Fatalf("%s: %d images, features %v, want %v", what, j.Len(), got, want)
		}
		if err := j.Append(pairs(7, 8)); err != nil {
			t.Fatal(err)
		}
		if got := everything(t, j); !slices.Equal(got, append(slices.Clone(want), 7, 8)) {
			t.Fatalf("%s: continued, features %v after %v", what, got, want)
		}
	}
	kept := func(n int) []float32 {
		switch {
		case n < first:
			return nil
		case n < len(good):
			return []float32{1, 2, 3, 4}
		}
		return []float32{1, 2, 3, 4, 5, 6}
	}
	for n := start; n <= len(good); n++ {
		check("cut", good[:n], kept(n))
		if n < len(good) {
			bad := slices.Clone(good)
			bad[n] ^= 0x20
			check("changed", bad, kept(n))
		}
	}
}

func TestJournalOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.partial")
	j := openJournal(t, path, journalKey)
	j.Append(pairs(1, 2))
	if _, err := OpenJournal(path, journalKey); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("opened twice: error %v", err)
	}
	j.Close()
	other := openJournal(t, path, Key{Model: "m", Data: "other"})
	if other.Len() != 0 || !other.Dropped {
		t.Errorf("features of other images: %d are kept", other.Len())
	}
	if err := other.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after Remove: %v", err)
	}
	foreign := filepath.Join(dir, "foreign")
	os.WriteFile(foreign, []byte("my notes"), 0o666)
	if _, err := OpenJournal(foreign, journalKey); err == nil || !strings.Contains(err.Error(), "does not hold features") {
		t.Errorf("another file: error %v", err)
	}
	if text, _ := os.ReadFile(foreign); string(text) != "my notes" {
		t.Errorf("another file was changed to %q", text)
	}
	link := filepath.Join(dir, "link")
	os.Symlink(foreign, link)
	if _, err := OpenJournal(link, journalKey); err == nil {
		t.Error("a link was followed")
	}
}

// TestEmbedContinues: stopped after any batch, Embed computes each image once and in the
// end has what it has without a stop.
func TestEmbedContinues(t *testing.T) {
	dir := t.TempDir()
	read := map[int]int{}
	data := imagestest.Pictures{N: 11, Hook: func(i int) { read[i]++ }}
	batches := func(ctx context.Context) func(images.Dataset) Batches {
		return func(d images.Dataset) Batches {
			return Images(ctx, d, images.EvalConfig{Transform: images.EvalTransform{Size: 4}, Mean: images.ImageNetMean, Std: images.ImageNetStd, Batch: 2, Workers: 1, Prefetch: 1})
		}
	}
	whole := openJournal(t, filepath.Join(dir, "whole"), journalKey)
	defer whole.Close()
	if err := Embed(t.Context(), sums{}, data, batches(t.Context()), whole, nil); err != nil {
		t.Fatal(err)
	}
	want := everything(t, whole)
	if len(want) != 22 {
		t.Fatalf("%d numbers", len(want))
	}
	path := filepath.Join(dir, "parts")
	for calls := 1; ; calls++ {
		j := openJournal(t, path, journalKey)
		ctx, cancel := context.WithCancel(t.Context())
		err := Embed(ctx, sums{}, data, batches(ctx), j, func(int) { cancel() })
		cancel()
		if err == nil {
			if got := everything(t, j); !slices.Equal(got, want) || calls < 5 {
				t.Errorf("after %d calls %v, want %v", calls, got, want)
			}
			j.Close()
			break
		}
		if !errors.Is(err, context.Canceled) || j.Len() != min(11, 2*calls) {
			t.Fatalf("call %d: %d images, error %v", calls, j.Len(), err)
		}
		j.Close()
	}
	j := openJournal(t, path, journalKey)
	defer j.Close()
	if err := Embed(t.Context(), sums{}, imagestest.Pictures{N: 3}, batches(t.Context()), j, nil); err == nil {
		t.Error("11 features are taken for 3 images")
	}
	nan := openJournal(t, filepath.Join(dir, "nan"), journalKey)
	defer nan.Close()
	if err := Embed(t.Context(), notNumbers{}, data, batches(t.Context()), nan, nil); err == nil || !strings.Contains(err.Error(), "pictures 1 is not finite") {
		t.Errorf("NaN: error %v", err)
	}
}

// notNumbers gives NaN for the second image of a batch.
type notNumbers struct{ sums }

func (n notNumbers) Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	out, err := n.sums.Run(feeds)
	for _, t := range out {
		data := onnxgraph.Data[float32](t)
		data[2] -= data[2] * 2e38 * 2e38
	}
	return out, err
}
