package detection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/detection/coco"
	"pmx/images"
)

// recordedTransforms is what testdata/record_transforms.py has of detectron2.
type recordedTransforms struct {
	Height, Width int
	Pixels        []byte
	Annotations   json.RawMessage
	Cases         []struct {
		Steps   [][]any
		Size    [2]int
		Picture []byte
		IDs     []int64
		Boxes   [][4]float32
		Masks   []string
	}
	ShortestEdge [][6]int     `json:"shortest_edge"` // h, w, shortest, longest: h, w
	Scale        [][6]float64 // h, w, size, scale: h, w
	Offset       [][6]float64 // h, w, size, place: y, x
}

func readTransforms(t *testing.T) *recordedTransforms {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "transforms.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := new(recordedTransforms)
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// picture is the recorded annotations as objects.
func (r *recordedTransforms) picture(t *testing.T) *Picture {
	t.Helper()
	annotations := strings.ReplaceAll(string(r.Annotations), `"id"`, `"image_id": 0, "category_id": 0, "id"`)
	text := fmt.Sprintf(`{"images": [{"id": 0, "height": %d, "width": %d}], "categories": [{"id": 0}], "annotations": %s}`, r.Height, r.Width, annotations)
	file, err := coco.ReadDataset(strings.NewReader(text), coco.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := new(Picture)
	for _, a := range file.Annotations {
		p.Objects = append(p.Objects, Object{ID: a.ID, Box: a.Box, Shape: a.Segmentation, Crowd: a.Crowd})
	}
	return p
}

// geometryOf is the recorded steps on a picture of a size.
func geometryOf(steps [][]any, h, w int) geometry {
	var g geometry
	for _, s := range steps {
		v := make([]int, len(s)-1)
		for i := range v {
			v[i] = int(s[i+1].(float64))
		}
		switch s[0] {
		case "flip":
			g = append(g, flip{h, w})
		case "resize":
			g = append(g, resize{h, w, v[0], v[1]})
		case "crop":
			g = append(g, crop{v[0], v[1], v[2], v[3]})
		}
		h, w = g.size(h, w)
	}
	return g
}

// TestGeometryRecorded: pixels, boxes and masks are detectron2's. Where an outline is
// cut, detectron2 computes new corners, so that a pixel at the edge may differ, and a
// box by it.
func TestGeometryRecorded(t *testing.T) {
	r := readTransforms(t)
	p := r.picture(t)
	for _, c := range r.Cases {
		g := geometryOf(c.Steps, r.Height, r.Width)
		img := g.picture(&images.Image{W: r.Width, H: r.Height, Pix: r.Pixels}, new(Workspace))
		if img.H != c.Size[0] || img.W != c.Size[1] || !bytes.Equal(img.Pix, c.Picture) {
			t.Errorf("%v: %dx%d pixels are not those of %v", c.Steps, img.H, img.W, c.Size)
		}
		target, err := g.target(p, r.Height, r.Width)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(target.IDs, c.IDs) {
			t.Errorf("%v: objects %v, want %v", c.Steps, target.IDs, c.IDs)
			continue
		}
		for k, id := range target.IDs {
			cut := g.crops() && id != 2 // 2 has run lengths
			for j, v := range target.Boxes[k] {
				if want := c.Boxes[k][j]; v != want && !(cut && math.Abs(float64(v-want)) <= 1) {
					t.Errorf("%v, object %d: box %v, want %v", c.Steps, id, target.Boxes[k], c.Boxes[k])
					break
				}
			}
			want, err := coco.ParseRLE(c.Size[0], c.Size[1], c.Masks[k])
			if err != nil {
				t.Fatal(err)
			}
			if n := differing(t, target.Masks[k], want); n > 0 && !(cut && n <= 2) {
				t.Errorf("%v, object %d: %d of %d pixels of the mask differ", c.Steps, id, n, want.Area())
			}
		}
	}
}

// TestSizesRecorded: the sizes to which pictures are scaled, and where they are cut.
func TestSizesRecorded(t *testing.T) {
	r := readTransforms(t)
	for _, c := range r.ShortestEdge {
		// detectron2 leaves nothing of a side shorter than half a pixel.
		if h, w := shortestEdge(c[0], c[1], c[2], c[3]); h != max(c[4], 1) || w != max(c[5], 1) {
			t.Errorf("%v by its shorter side becomes %d, %d", c, h, w)
		}
	}
	for _, c := range r.Scale {
		if h, w := fitScaled(int(c[0]), int(c[1]), int(c[2]), c[3]); h != int(c[4]) || w != int(c[5]) {
			t.Errorf("%v scaled becomes %d, %d", c, h, w)
		}
	}
	for _, c := range r.Offset {
		size := int(c[2])
		if y, x := offset(int(c[0]), size, c[3]), offset(int(c[1]), size, c[3]); y != int(c[4]) || x != int(c[5]) {
			t.Errorf("%v is cut at %d, %d", c, y, x)
		}
	}
}

// TestTransformDraws: what is drawn fits the square, and every kind of draw occurs.
func TestTransformDraws(t *testing.T) {
	for _, c := range []Transform{
		{Size: 64, Scale: [2]float64{.1, 2}, Flip: .5},
		{Size: 64, Shortest: []int{20, 40, 90}, Crop: [2]float64{.5, .6}, Flip: .5},
	} {
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		rng := images.NewRand(3, 0, 0, 0)
		flips, largest, smallest := 0, 0, 64
		for range 300 {
			g := c.draw(rng, 48, 100)
			h, w := g.size(48, 100)
			if h < 1 || w < 1 || h > 64 || w > 64 {
				t.Fatalf("%+v gives %dx%d", c, h, w)
			}
			largest, smallest = max(largest, w), min(smallest, w)
			if slices.ContainsFunc(g, func(s step) bool { _, ok := s.(flip); return ok }) {
				flips++
			}
		}
		if flips < 100 || flips > 200 || largest != 64 || smallest > 40 {
			t.Errorf("%+v: %d of 300 mirrored, widths %d to %d", c, flips, smallest, largest)
		}
	}
	for _, bad := range []Transform{
		{}, {Size: 1 << 20}, {Size: 64, Flip: 2}, {Size: 64, Scale: [2]float64{2, 1}}, {Size: 64, Scale: [2]float64{1, 2}, Shortest: []int{4}},
		{Size: 64, Shortest: []int{0}}, {Size: 64, Crop: [2]float64{.5, 0}}, {Size: 64, Scale: [2]float64{1, 2}, Crop: [2]float64{.5, .5}},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
