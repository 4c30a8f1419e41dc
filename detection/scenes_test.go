package detection

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"pmx/images"
)

// TestScenes: items lie in the picture, on their masks the picture shows the item and
// not the ground, and a data set that was written is read as the same one.
func TestScenes(t *testing.T) {
	const n = 20
	scenes, err := Scenes(t.Context(), images.Train, n, 3)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Scenes(t.Context(), images.Train, n+1, 3)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Scenes(t.Context(), images.Test, n, 3)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	folder := filepath.Join(dir, "images", "train")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "annotations"), 0o700); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := scenes.WriteInstances(&text); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "annotations", "instances_train.json"), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var png bytes.Buffer
		if err := scenes.WritePicture(t.Context(), &png, i); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, scenes.Pictures[i].Name), png.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := openTrain(t, "coco:"+dir)
	if len(read.Notes()) > 0 {
		t.Errorf("notes on generated scenes: %q", read.Notes())
	}
	objects := 0
	for i := range n {
		want, p := sampled(t, scenes, i), &scenes.Pictures[i]
		if got := sampled(t, again, i); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("scene %d depends on how many there are", i)
		}
		if got := sampled(t, read, i); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("scene %d has other pixels when it is read", i)
		}
		if got := sampled(t, other, i); bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("scene %d has test items in training", i)
		}
		if len(p.Objects) < 1 || len(p.Objects) > mostItems || len(read.Pictures[i].Objects) != len(p.Objects) {
			t.Errorf("scene %d has %d items, %d when it is read", i, len(p.Objects), len(read.Pictures[i].Objects))
			continue
		}
		taken := make([]bool, sceneSide*sceneSide)
		for k, o := range p.Objects {
			objects++
			if r := read.Pictures[i].Objects[k]; r.Box != o.Box || r.Class != o.Class || *r.Shape.RLE != *o.Shape.RLE {
				t.Errorf("item %d of scene %d became %+v", k, i, r)
			}
			rle, err := o.Shape.Rasterise(sceneSide, sceneSide)
			if err != nil {
				t.Fatal(err)
			}
			mask, err := rle.Decode()
			if err != nil {
				t.Fatal(err)
			}
			for at, in := range mask.Pix {
				if in == 0 {
					continue
				}
				if taken[at] {
					t.Fatalf("two items of scene %d have pixel %d", i, at)
				}
				taken[at] = true
				if p := want.Pix[3*at:]; p[0] != p[1] || p[1] != p[2] || p[0] <= itemLuma {
					t.Fatalf("scene %d shows %v on an item", i, p[:3])
				}
			}
		}
	}
	if objects < 2*n {
		t.Errorf("%d scenes have %d items", n, objects)
	}
}

func sampled(t *testing.T, d *Dataset, i int) *images.Image {
	t.Helper()
	img := new(images.Image)
	if _, err := d.Sample(context.Background(), i, img); err != nil {
		t.Fatal(err)
	}
	return img
}
