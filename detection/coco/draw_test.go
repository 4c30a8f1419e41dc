package coco

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"strings"
	"testing"

	"pmx/internal/golden"
)

func gray(w, h int, v uint8) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.Gray{v}), image.Point{}, draw.Src)
	return img
}

func TestDrawByPixel(t *testing.T) {
	mask, err := BoxRLE(60, 80, XYWH{10, 20, 20, 10})
	if err != nil {
		t.Fatal(err)
	}
	red := color.NRGBA{200, 0, 0, 255}
	src := gray(80, 60, 100)
	got, err := Draw(src, []Drawn{{Mask: mask, Color: red, NoBox: true}, {Box: XYWH{50, 20, 20, 20}, Color: red}})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[image.Point]color.RGBA{
		{15, 25}: {140, 60, 60, 255},   // inside the mask: .6 of 100 and .4 of red
		{10, 25}: {190, 10, 10, 255},   // its border: .1 and .9
		{9, 25}:  {100, 100, 100, 255}, // beside it
		{50, 30}: {200, 0, 0, 255},     // on the box
		{49, 30}: {0, 0, 0, 255},       // its dark edge
		{60, 30}: {100, 100, 100, 255}, // inside the box
	} {
		if c := got.RGBAAt(at.X, at.Y); c != want {
			t.Errorf("pixel %v is %v, want %v", at, c, want)
		}
	}
	if src.RGBAAt(15, 25) != (color.RGBA{100, 100, 100, 255}) {
		t.Error("the source was drawn on")
	}
}

// TestDrawStaysInside: boxes and labels that reach or lie outside the image, of
// any shape, are cut.
func TestDrawStaysInside(t *testing.T) {
	for _, b := range []XYWH{{-50, -50, 20, 20}, {-5, -5, 500, 500}, {70, 50, 1e9, 1e9}, {0, 0, 0, 0}, {30, 30, -10, -10}} {
		if _, err := Draw(gray(80, 60, 9), []Drawn{{Box: b, Label: "a rather long label", Dashed: true}}); err != nil {
			t.Errorf("box %v: %v", b, err)
		}
	}
	if _, err := Draw(gray(80, 60, 9), []Drawn{{Mask: RLE{Height: 3, Width: 3, Counts: []uint32{9}}}}); err == nil || !strings.Contains(err.Error(), "is it another image?") {
		t.Errorf("a mask of another size: error %v", err)
	}
}

// TestDrawnScene compares with a picture that a person has looked at.
func TestDrawnScene(t *testing.T) {
	const instances = `{
		"images": [{"id": 7, "file_name": "x.png", "height": 120, "width": 160}, {"id": 8, "file_name": "y.png"}],
		"categories": [{"id": 1, "name": "cat"}],
		"annotations": [
			{"id": 1, "image_id": 7, "category_id": 1, "bbox": [20, 30, 60, 50], "segmentation": [[20, 55, 50, 30, 80, 55, 50, 80]]},
			{"id": 2, "image_id": 8, "category_id": 1, "bbox": [0, 0, 9, 9]},
			{"id": 3, "image_id": 7, "category_id": 1, "bbox": [100, 85, 50, 30], "iscrowd": 1}]}`
	const results = `[
		{"image_id": 7, "category_id": 1, "score": 0.876, "bbox": [25, 33, 60, 45]},
		{"image_id": 7, "category_id": 1, "score": 0.1, "bbox": [0, 0, 160, 120]},
		{"image_id": 8, "category_id": 1, "score": 0.9, "bbox": [0, 0, 160, 120]},
		{"image_id": 7, "category_id": 2, "score": 0.5, "segmentation": [[110, 20, 150, 20, 130, 60]]}]`
	scene, err := ReadScene(strings.NewReader(instances), ReadOptions{}, nil, "folder/x.png")
	if err != nil {
		t.Fatal(err)
	}
	if err := scene.ReadResults(strings.NewReader(results), ReadOptions{}, .3); err != nil {
		t.Fatal(err)
	}
	objects, err := scene.Drawn(120, 160)
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, o := range objects {
		labels = append(labels, o.Label)
	}
	if got, want := strings.Join(labels, ", "), "cat, cat (crowd), category 2 0.50, cat 0.88"; got != want {
		t.Errorf("objects %s, want %s", got, want)
	}
	img, err := Draw(gray(160, 120, 190), objects)
	if err != nil {
		t.Fatal(err)
	}
	comparePNG(t, "scene.png", img)
}

// comparePNG compares pixels with testdata/name, or writes it under -update.
func comparePNG(t *testing.T, name string, got *image.RGBA) {
	t.Helper()
	if golden.Updating() {
		var b bytes.Buffer
		if err := png.Encode(&b, got); err != nil {
			t.Fatal(err)
		}
		golden.Bytes(t, name, b.Bytes())
		return
	}
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatalf("%v, run the test with -update to write it", err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if want.Bounds() != got.Bounds() {
		t.Fatalf("picture of %v, %s has %v", got.Bounds(), name, want.Bounds())
	}
	differ := 0
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			if color.RGBAModel.Convert(want.At(x, y)) != got.At(x, y) {
				differ++
			}
		}
	}
	if differ > 0 {
		t.Errorf("%d pixels differ from testdata/%s; if the change is meant, run the test with -update and look at it", differ, name)
	}
}

func TestPaletteTellsNeighboursApart(t *testing.T) {
	far := func(a, b color.NRGBA) int {
		d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
		return d(a.R, b.R) + d(a.G, b.G) + d(a.B, b.B)
	}
	for id := range int64(90) {
		if d := far(Palette(id), Palette(id+1)); d < 100 {
			t.Errorf("categories %d and %d have colors %v and %v", id, id+1, Palette(id), Palette(id+1))
		}
	}
}

func TestReadSceneErrors(t *testing.T) {
	const instances = `{"images": [{"id": 7, "file_name": "a/x.png"}, {"id": 8, "file_name": "b/x.png"}, {"id": 0, "file_name": "y.png"}], "annotations": []}`
	for _, c := range []struct {
		id         *int64
		file, want string
	}{
		{nil, "x.png", `2 of the 3 images are called "x.png", give the image's id`},
		{nil, "z.png", `0 of the 3 images are called "z.png"`},
		{new(int64(9)), "x.png", `0 of the 3 images have id 9, give that of one image`},
	} {
		if _, err := ReadScene(strings.NewReader(instances), ReadOptions{File: "gt.json"}, c.id, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("image %v or %s: error %v, want %s", c.id, c.file, err, c.want)
		}
	}
	for id, want := range map[int64]string{8: "b/x.png", 0: "y.png"} { // 0 is an id like any other
		if s, err := ReadScene(strings.NewReader(instances), ReadOptions{}, &id, "x.png"); err != nil || s.Image.FileName != want {
			t.Errorf("image %d: %v, %v", id, s, err)
		}
	}
}
