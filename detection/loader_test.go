package detection

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/images"
	"pmx/onnxgraph"
)

// folderOf writes n pictures of noise and an instances file with the given annotations,
// as %d of a picture's id, and returns the specification.
func folderOf(t *testing.T, n int, annotations ...string) string {
	t.Helper()
	dir := t.TempDir()
	var pictures []string
	for i := range n {
		img := images.NewImage(40+i%3*8, 30+i%4*6)
		rng := rand.New(rand.NewPCG(7, uint64(i)))
		for k := range img.Pix {
			img.Pix[k] = uint8(rng.Uint32())
		}
		var text bytes.Buffer
		if err := png.Encode(&text, img); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%d.png", i+1)
		if err := os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, fmt.Sprintf(`{"id": %d, "file_name": %q, "width": %d, "height": %d}`, i+1, name, img.W, img.H))
	}
	file := filepath.Join(dir, "instances.json")
	text := fmt.Sprintf(`{"images": [%s], "categories": [{"id": 7, "name": "cup"}, {"id": 3, "name": "fork"}], "annotations": [%s]}`,
		strings.Join(pictures, ","), strings.Join(annotations, ","))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "coco:" + file
}

// someObjects are annotations of a few pictures, most with two objects.
func someObjects(n int) []string {
	var list []string
	for i := range n {
		if i%4 == 2 { // one without objects
			continue
		}
		list = append(list,
			fmt.Sprintf(`{"id": %d, "image_id": %d, "category_id": 7, "bbox": [2, 3, 20, 15], "segmentation": [[2, 3, 22, 3, 22, 18, 2, 18]]}`, 10*i+1, i+1),
			fmt.Sprintf(`{"id": %d, "image_id": %d, "category_id": 3, "bbox": [%d, 10, 9.5, 12], "segmentation": [[%[3]d, 10, %d.5, 10, %[3]d, 22]]}`, 10*i+2, i+1, 12+i, 21+i))
	}
	return list
}

func openTrain(t *testing.T, spec string) *Dataset {
	t.Helper()
	source, err := Open(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return source.Train
}

func testConfig() LoaderConfig {
	return LoaderConfig{
		LoaderConfig: images.LoaderConfig{Batch: 3, Seed: 5, KeepLast: true},
		Transform:    Transform{Size: 32, Scale: [2]float64{.5, 2}, Flip: .5},
		Anchors:      50, Proposals: 20,
	}
}

// feedBytes are the values of a batch, by feed.
func feedBytes(b *Batch) map[string]string {
	out := map[string]string{}
	for name, t := range b.Feeds {
		out[name] = fmt.Sprint(t.Shape(), t.Float64s())
	}
	return out
}

// TestLoaderResumes: a loader that begins in the middle, with another number of workers,
// gives the same batches.
func TestLoaderResumes(t *testing.T) {
	data := openTrain(t, folderOf(t, 11, someObjects(11)...))
	c := testConfig()
	c.Workers = 1
	whole, err := NewLoader(data, c)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	var want []map[string]string
	for range 8 {
		b, err := whole.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, feedBytes(b))
		b.Release()
	}
	c.Workers, c.Prefetch = 3, 4
	resumed, err := NewLoader(data, c)
	if err != nil {
		t.Fatal(err)
	}
	defer resumed.Close()
	if err := resumed.Seek(images.Position{Epoch: 1, Step: 1}); err != nil {
		t.Fatal(err)
	}
	for i := 5; i < 8; i++ { // an epoch has 4 steps
		b, err := resumed.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range feedBytes(b) {
			if text != want[i][name] {
				t.Errorf("step %d: %s is another one after resuming", i, name)
			}
		}
	}
}

// TestFeeds: shapes, and what is beside the picture and beyond its objects.
func TestFeeds(t *testing.T) {
	data := openTrain(t, folderOf(t, 6, someObjects(6)...))
	c := testConfig()
	c.Transform = Transform{Size: 64, Shortest: []int{24, 48}, Flip: .5}
	l, err := NewLoader(data, c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 4 {
		b, err := l.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const side = 64
		most := b.Feeds["gt_boxes"].Shape()[1]
		for name, want := range map[string][]int{
			"image": {3, 3, side, side}, "sizes": {3, 1, 4}, "gt_boxes": {3, most, 4}, "gt_classes": {3, most},
			"gt_masks": {3 * most, 1, side, side}, "rpn_keys": {3, 50}, "roi_keys": {3, 20 + most},
		} {
			if got := b.Feeds[name].Shape(); !slices.Equal(got, want) {
				t.Errorf("%s has shape %v, want %v", name, got, want)
			}
		}
		for _, name := range []string{"rpn_keys", "roi_keys"} {
			for _, v := range b.Feeds[name].Float64s() {
				if !(v > 0 && v < 1) {
					t.Errorf("%s has %v", name, v)
				}
			}
		}
		pixels, masks := b.Feeds["image"].Float64s(), b.Feeds["gt_masks"].Float64s()
		classes := onnxgraph.Data[int64](b.Feeds["gt_classes"])
		for i, target := range b.Targets {
			for y := range side {
				for x := range side {
					if at := i*3*side*side + y*side + x; (y >= target.H || x >= target.W) && pixels[at] != 0 {
						t.Fatalf("picture %d has %v at %d, %d beside it", i, pixels[at], y, x)
					}
				}
			}
			for k := range most {
				class := int64(-1)
				if k < len(target.Classes) {
					class = int64(target.Classes[k])
					m, err := target.Masks[k].Decode()
					if err != nil {
						t.Fatal(err)
					}
					for y := range side {
						for x := range side {
							want := m.Pix[min(y, m.Height-1)*m.Width+min(x, m.Width-1)]
							if got := masks[((i*most+k)*side+y)*side+x]; got != float64(want) {
								t.Fatalf("mask %d of picture %d has %v at %d, %d, want %d", k, i, got, y, x, want)
							}
						}
					}
				}
				if got := classes[i*most+k]; got != class {
					t.Errorf("object %d of picture %d has class %d, want %d", k, i, got, class)
				}
			}
		}
		b.Release()
	}
}
