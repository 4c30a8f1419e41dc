package images_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pmx/images"
	"pmx/images/imagestest"
)

// TestConcat: two datasets, one after the other, and a part of both, keep the pixels,
// labels and names of each.
func TestConcat(t *testing.T) {
	a, b := imagestest.Pictures{N: 5}, imagestest.Pictures{N: 4, Mod: 2}
	both := images.Concat("both", a, b)
	part, err := images.Subset(both, "part", []int{8, 0, 5})
	if err != nil {
		t.Fatal(err)
	}
	type item struct {
		from images.Dataset
		at   int
	}
	for i, want := range map[images.Dataset][]item{
		both: {{a, 0}, {a, 1}, {a, 2}, {a, 3}, {a, 4}, {b, 0}, {b, 1}, {b, 2}, {b, 3}},
		part: {{b, 3}, {a, 0}, {b, 0}},
	} {
		if i.Len() != len(want) {
			t.Fatalf("%s has %d images, want %d", i.Name(), i.Len(), len(want))
		}
		for at, w := range want {
			var got, img images.Image
			label, err := i.Sample(t.Context(), at, &got)
			if _, wrong := w.from.Sample(t.Context(), w.at, &img); err != nil || wrong != nil {
				t.Fatal(err, wrong)
			}
			if label != w.from.Label(w.at) || i.Label(at) != label || !slices.Equal(got.Pix, img.Pix) {
				t.Errorf("image %d of %s is not image %d of its part", at, i.Name(), w.at)
			}
			if name := images.ItemName(i, at); name != fmt.Sprint("pictures ", w.at) {
				t.Errorf("image %d of %s is called %q", at, i.Name(), name)
			}
		}
	}
	one, err1 := both.Digest()
	other, err2 := images.Concat("", b, a).Digest()
	if err1 != nil || err2 != nil || one == other {
		t.Errorf("digests %s and %s (%v, %v) in both orders", one, other, err1, err2)
	}
}

// TestItemName: images of folders are called by their paths, with and without classes;
// datasets of other classes lose their labels when they are joined.
func TestItemName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"train/cat/1.png", "train/dog/2.png", "test/cat/3.png"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, options := range map[string][]images.OpenOption{"with classes": nil, "without": {images.Unlabelled()}} {
		train, err := images.Open(dir, images.Train, options...)
		if err != nil {
			t.Fatal(err)
		}
		test, err := images.Open(dir, images.Test, options...)
		if err != nil {
			t.Fatal(err)
		}
		all := images.Concat("all", train, test)
		for i, want := range []string{"train/cat/1.png", "train/dog/2.png", "test/cat/3.png"} {
			if got := images.ItemName(all, i); got != filepath.Join(dir, want) {
				t.Errorf("%s: image %d is called %q, want %q in %s", name, i, got, want, dir)
			}
			if label := all.Label(i); options == nil && label != []int{0, 1, 0}[i] || options != nil && label != -1 {
				t.Errorf("%s: image %d has label %d", name, i, label)
			}
		}
	}
	strange := images.Concat("", imagestest.Pictures{N: 1}, named{imagestest.Pictures{N: 1}})
	if strange.Label(0) != -1 || strange.Label(1) != -1 || len(strange.Classes()) != 0 {
		t.Errorf("labels %d and %d of other classes", strange.Label(0), strange.Label(1))
	}
}

type named struct{ imagestest.Pictures }

func (named) Classes() []string { return []string{"a"} }
