package coco

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// someInstances has one of everything: outlines, both forms of run lengths, a
// crowd, missing fields, ids with holes, an image without annotations, unknown
// fields, annotations before images.
const someInstances = `{
  "info": {"year": 2014, "unknown": [{"deep": [null, true, 1e-3, "\u00e9\\"]}]},
  "annotations": [
    {"id": 7, "image_id": 30, "category_id": 90, "bbox": [1, 2, 3.5, 4], "area": 11.25, "iscrowd": 0,
     "segmentation": [[1, 2, 4.5, 2, 4.5, 6], [0, 0, 1, 0, 1, 1]], "keypoints": [1, 2, 3]},
    {"id": 9, "image_id": 10, "category_id": 1, "iscrowd": 1, "area": 2, "bbox": [1, 0, 1, 2],
     "segmentation": {"size": [3, 4], "counts": [3, 2, 7]}},
    {"id": 11, "image_id": 10, "category_id": 1, "segmentation": {"counts": "327", "size": [3, 4]}},
    {"id": 12, "image_id": 30, "category_id": 1, "segmentation": [[0, 0, 10, 0, 10, 5, 0, 5]], "iscrowd": false},
    {"id": 13, "image_id": 30, "category_id": 1, "bbox": [5, 6, 7, 8], "segmentation": [], "attributes": null}
  ],
  "images": [
    {"id": 30, "file_name": "a \"b\".jpg", "height": 20, "width": 30, "license": 1},
    {"id": 10, "height": 3, "width": 4.0, "file_name": null},
    {"id": 20}
  ],
  "categories": [{"id": 90, "name": "caf\u00e9", "supercategory": "place"}, {"id": 1, "name": "person"}],
  "licenses": []
}`

func TestReadDataset(t *testing.T) {
	// One byte at a time, so that nothing depends on where the buffer ends.
	d, err := ReadDataset(iotest.OneByteReader(strings.NewReader(someInstances)), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Image{{30, `a "b".jpg`, 20, 30}, {10, "", 3, 4}, {ID: 20}}, d.Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Category{{90, "café", "place"}, {1, "person", ""}}, d.Categories); diff != "" {
		t.Errorf("categories (-want +got):\n%s", diff)
	}
	runs := Segmentation{RLE: &CompressedRLE{3, 4, "327"}}
	want := []Annotation{
		{7, 30, 90, XYWH{1, 2, 3.5, 4}, 11.25, false, Segmentation{Polygons: []Polygon{{1, 2, 4.5, 2, 4.5, 6}, {0, 0, 1, 0, 1, 1}}}},
		{9, 10, 1, XYWH{1, 0, 1, 2}, 2, true, runs},
		{11, 10, 1, XYWH{1, 0, 1, 2}, 2, false, runs}, // box and area of the mask
		{12, 30, 1, XYWH{0, 0, 10, 5}, 50, false, Segmentation{Polygons: []Polygon{{0, 0, 10, 0, 10, 5, 0, 5}}}},
		{13, 30, 1, XYWH{5, 6, 7, 8}, 56, false, Segmentation{}}, // area of the box
	}
	if diff := cmp.Diff(want, d.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}

	for image, want := range map[int64][]int64{30: {7, 12, 13}, 10: {9, 11}, 20: nil, 99: nil} {
		var ids []int64
		for a := range d.AnnotationsOf(image) {
			ids = append(ids, a.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("annotations of image %d: %v, want %v", image, ids, want)
		}
	}
	if img, ok := d.ImageByFile(`a "b".jpg`); !ok || img.ID != 30 {
		t.Errorf("image by file name: %v, %t", img, ok)
	}
	if _, ok := d.Image(31); ok {
		t.Error("image 31 was found")
	}
	if c, ok := d.Category(90); !ok || c.Name != "café" {
		t.Errorf("category 90: %v, %t", c, ok)
	}

	boxes, err := ReadDataset(strings.NewReader(someInstances), ReadOptions{BoxesOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range boxes.Annotations {
		want[i].Segmentation = Segmentation{}
		if diff := cmp.Diff(want[i], a); diff != "" {
			t.Errorf("boxes only (-want +got):\n%s", diff)
		}
	}
}

// instances wraps one annotation into a file with image 1 and category 1.
func instances(annotation string) string {
	return `{"images":[{"id":1,"height":9,"width":9}],"categories":[{"id":1}],"annotations":[` + annotation + `]}`
}

func TestReadDatasetErrors(t *testing.T) {
	// The annotation begins at byte 81 of instances(...).
	if at := strings.Index(instances("@"), "@"); at != 81 {
		t.Fatalf("annotations begin at byte %d", at)
	}
	for _, c := range []struct{ text, want string }{
		{``, `coco: f.json: byte 0: the text ends in the middle of a value, the file is cut off`},
		{`[]`, `this looks like a results file, not an instances file`},
		{`{"annotations": []}`, `there is no "images": this is not an instances file`},
		{`{"images": [{"height": 3}]}`, `byte 12, images[0]: there is no "id"`},
		{`{"images": [{"id": 1, "width": -3}]}`, `byte 31, images[0].width: a side of -3 pixels`},
		{`{"images": [{"id": 1},]}`, `']' where an object is expected`},
		{`{"images": []} {}`, `'{' where the end of the file is expected`},
		{`{"images": {}}`, `byte 11, images: an object where an array is expected`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"bbox":[1,2,3]}`), `annotations[0].bbox: 3 numbers, a box has four: x, y, width, height`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"bbox":[1,2,NaN,4]}`), `byte 130, annotations[0].bbox: NaN is not a number that JSON knows`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"bbox":[1,2,3,1e999]}`), `byte 132, annotations[0].bbox: the number 1e999 is too large`},
		{instances(`{"id":1,"image_id":1,"category_id":1}`), `byte 81, annotations[0]: there is neither a "bbox" nor a "segmentation"`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"bbox":null}`), `there is neither a "bbox" nor a "segmentation"`},
		{instances(`{"image_id":1,"category_id":1,"bbox":[1,2,3,4]}`), `byte 81, annotations[0]: there is no "id"`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"iscrowd":2}`), `annotations[0].iscrowd: the flag is 2, it must be 0 or 1`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":[[1,2,3,4]]}`), `annotations[0]: there is neither a "bbox" nor a "segmentation" that can be drawn (byte 133: a polygon has 4 numbers, which looks like a box`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":[1,2,3,4,5,6]}`), `(byte 133: a number where an outline is expected: want a list of outlines, [[x, y, x, y, ...]])`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2,2],"counts":[1,2]}}`), `(byte 133: malformed RLE, its runs cover 3 pixels and its size [2, 2] has 4`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2,2],"counts":[1,-2]}}`), `malformed RLE, run 1 has length -2`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2,2],"counts":"1~"}}`), `malformed RLE, character 1 of its string is '~'`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2],"counts":"4"}}`), `an RLE of size [2], it must be [height, width]`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2,2]}}`), `an RLE without "counts"`},
		{instances(`{"id":1,"image_id":1,"category_id":1,"bbox":[1,2,3,4]}`)[:114], `byte 114, annotations[0]: the text ends in the middle of a value, the file is cut off`},
	} {
		_, err := ReadDataset(strings.NewReader(c.text), ReadOptions{File: "f.json"})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
			continue
		}
		var format *FormatError
		if !errors.As(err, &format) || format.File != "f.json" || format.Offset < 0 || format.Offset > int64(len(c.text)) {
			t.Errorf("%s: %v has no place in the file", c.text, err)
		}
	}
}

func TestReadErrorsOfTheDiskPass(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader(someInstances[:200]), iotest.ErrReader(broken))
	if _, err := ReadDataset(r, ReadOptions{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's own", err)
	}
	missing := filepath.Join(t.TempDir(), "none.json")
	if _, err := OpenDataset(missing, ReadOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that there is no such file", err)
	}
}

func TestScanDatasetStopsAndSkips(t *testing.T) {
	stop := errors.New("enough")
	seen := 0
	err := ScanDataset(strings.NewReader(someInstances), ReadOptions{}, Visitor{Annotation: func(*Annotation) error {
		if seen++; seen == 2 {
			return stop
		}
		return nil
	}})
	if !errors.Is(err, stop) || seen != 2 {
		t.Errorf("error %v after %d annotations, want the visitor's own after 2", err, seen)
	}
	images := 0
	err = ScanDataset(strings.NewReader(someInstances), ReadOptions{}, Visitor{Image: func(Image) error { images++; return nil }})
	if err != nil || images != 3 {
		t.Errorf("%d images, %v", images, err)
	}
}

// TestScanMemoryIsBounded: however much has been read of a stream, no more than
// the buffers is held.
func TestScanMemoryIsBounded(t *testing.T) {
	s := DefaultSynthetic()
	s.Images = 2000
	r, w := io.Pipe()
	go func() { w.CloseWithError(s.WriteDataset(w)) }()
	var held []uint64
	seen := 0
	err := ScanDataset(r, ReadOptions{}, Visitor{Annotation: func(*Annotation) error {
		if seen++; seen%2500 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			held = append(held, m.HeapAlloc)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	const slack = 1 << 20 // other tests' leftovers; the text is 6 MiB
	if len(held) < 4 || slices.Max(held) > held[0]+slack {
		t.Errorf("bytes held after each 2500 annotations: %v", held)
	}
}

func TestReadResults(t *testing.T) {
	const text = `[
	  {"image_id": 10, "category_id": 1, "score": 0.5, "bbox": [1, 2, 3, 4], "id": 17},
	  {"image_id": 10, "category_id": 1, "score": 1, "segmentation": {"size": [3, 4], "counts": "327"}, "bbox": []},
	  {"image_id": 30, "category_id": 90, "score": -2e-1, "bbox": [0, 0, 5, 5], "segmentation": [[0, 0, 5, 0, 5, 5]]}
	]`
	got, err := ReadResults(iotest.OneByteReader(strings.NewReader(text)), ReadOptions{File: "r.json"})
	if err != nil {
		t.Fatal(err)
	}
	want := Results{
		{ImageID: 10, CategoryID: 1, Score: .5, Box: XYWH{1, 2, 3, 4}, HasBox: true},
		{ImageID: 10, CategoryID: 1, Score: 1, Segmentation: Segmentation{RLE: &CompressedRLE{3, 4, "327"}}},
		{ImageID: 30, CategoryID: 90, Score: -.2, Box: XYWH{0, 0, 5, 5}, HasBox: true, Segmentation: Segmentation{Polygons: []Polygon{{0, 0, 5, 0, 5, 5}}}},
	}
	public := cmp.FilterPath(func(p cmp.Path) bool {
		return slices.Contains([]string{"file", "offset", "mask"}, strings.TrimPrefix(p.Last().String(), "."))
	}, cmp.Ignore())
	if diff := cmp.Diff(want, got, public, cmp.AllowUnexported(Result{})); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if empty, err := ReadResults(strings.NewReader(` [ ] `), ReadOptions{}); err != nil || len(empty) != 0 {
		t.Errorf("no results: %v, %v", empty, err)
	}
}

func TestReadResultsErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"images": []}`: `this looks like an instances file, not a results file`,
		`[{"image_id": 1, "category_id": 1, "score": NaN, "bbox": [1,2,3,4]}]`: `r.json: byte 44, results[0].score: NaN is not a number that JSON knows`,
		`[{"image_id": 1, "category_id": 1, "bbox": [1,2,3,4]}]`:               `byte 1, results[0]: there is no "score"`,
		`[{"image_id": 1, "category_id": 1, "score": .5}]`:                     `'.' where a number is expected`,
		`[{"image_id": 1, "category_id": 1, "score": 1}]`:                      `results[0]: there is neither a "bbox" nor a "segmentation"`,
		`[1]`:     `byte 1, results[0]: a number where an object is expected`,
		`[] true`: `'t' where the end of the file is expected`,
	} {
		if _, err := ReadResults(strings.NewReader(text), ReadOptions{File: "r.json"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzReadDataset(f *testing.F) {
	f.Add([]byte(someInstances))
	f.Add([]byte(instances(`{"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2,2],"counts":"13"}}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ReadDataset(bytes.NewReader(text), ReadOptions{})
		if err != nil {
			return
		}
		n := 0
		for _, img := range d.Images {
			for a := range d.AnnotationsOf(img.ID) {
				n++
				if img.Height*img.Width < 1e6 && !a.Segmentation.IsZero() {
					// An RLE may be of another size than its image, and an image of none.
					if r, err := a.Segmentation.Rasterise(img.Height, img.Width); err == nil && r.Validate() != nil {
						t.Errorf("annotation %d: %v", a.ID, r.Validate())
					}
				}
			}
		}
		if n != len(d.Annotations) {
			t.Errorf("images have %d of %d annotations", n, len(d.Annotations))
		}
	})
}

func FuzzReadResults(f *testing.F) {
	f.Add([]byte(`[{"image_id": 10, "category_id": 1, "score": 1, "segmentation": {"size": [3, 4], "counts": "327"}, "bbox": []}]`))
	f.Add([]byte(`[{"image_id": 30, "category_id": 1, "score": 0.5, "bbox": [0, 0, 5, 5], "segmentation": [[0, 0, 5, 0, 5, 5]]}]`))
	d, err := ReadDataset(strings.NewReader(someInstances), ReadOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		results, err := ReadResults(bytes.NewReader(text), ReadOptions{})
		if err != nil {
			return
		}
		e, err := NewEvaluator(d, Params{})
		if err != nil {
			t.Fatal(err)
		}
		if e.Add(results) != nil {
			return
		}
		out, err := e.Evaluate(t.Context(), BBox)
		if err != nil {
			return
		}
		for _, v := range out[0].Precision {
			if !(v >= -1 && v <= 1) {
				t.Fatalf("precision %v", v)
			}
		}
	})
}

func TestDatasetOfMany(t *testing.T) {
	text := synthetic(t, 200)
	d, err := ReadDataset(bytes.NewReader(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The streamed entries are those of the whole.
	n := 0
	err = ScanDataset(bytes.NewReader(text), ReadOptions{}, Visitor{Annotation: func(a *Annotation) error {
		if diff := cmp.Diff(d.Annotations[n], *a); diff != "" {
			t.Errorf("annotation %d (-whole +streamed):\n%s", n, diff)
		}
		n++
		return nil
	}})
	if err != nil || n != len(d.Annotations) || n < 200 {
		t.Errorf("%d of %d annotations, %v", n, len(d.Annotations), err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		// Cut anywhere, the file is an error.
		if _, err := ReadDataset(bytes.NewReader(text[:rng.IntN(len(text)-2)]), ReadOptions{}); err == nil {
			t.Error("a cut file was read")
		}
	}
}
