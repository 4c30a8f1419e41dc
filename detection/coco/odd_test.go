package coco

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scoreOdd scores files as the command does.
func scoreOdd(t *testing.T, gt, dt string, kind IoUType) ([]float64, error) {
	t.Helper()
	options := ReadOptions{IDs: new(IDs), BoxesOnly: kind == BBox}
	d, err := ReadDataset(strings.NewReader(gt), options)
	if err != nil {
		return nil, err
	}
	results, err := ReadResults(strings.NewReader(dt), options)
	if err != nil {
		return nil, err
	}
	e, err := NewEvaluator(d, Params{})
	if err != nil {
		return nil, err
	}
	if err := e.Add(results); err != nil {
		return nil, err
	}
	evaluations, err := e.Evaluate(t.Context(), kind)
	if err != nil {
		return nil, err
	}
	stats, err := evaluations[0].Stats()
	if err != nil {
		return nil, err
	}
	var out []float64
	for _, s := range stats {
		out = append(out, s.Value)
	}
	return out, nil
}

func readOdd(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "odd", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestOddFiles: files that annotation tools and training code write have pycocotools' numbers
// where it has some; where it has none, an error says what is wrong. Recorded by
// testdata/odd/make.py.
func TestOddFiles(t *testing.T) {
	var cases []struct {
		Name, GT, DT string
		BBox, Segm   []float64
	}
	if err := json.Unmarshal([]byte(readOdd(t, "scores.json")), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 50 {
		t.Errorf("%d cases", len(cases))
	}
	for _, c := range cases {
		if c.GT == "" {
			c.GT, c.DT = readOdd(t, c.Name), readOdd(t, strings.Replace(c.Name, ".gt.", ".dt.", 1))
		}
		for kind, want := range map[IoUType][]float64{BBox: c.BBox, Segm: c.Segm} {
			got, err := scoreOdd(t, c.GT, c.DT, kind)
			if want == nil {
				if err == nil || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s %s: %v, %v, want an error of one line", c.Name, kind, got, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %s: %v", c.Name, kind, err)
				continue
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s %s: number %d is %v, pycocotools has %v", c.Name, kind, i, got[i], want[i])
				}
			}
		}
	}
}

// TestOddShapes draws outlines of any number of coordinates as pycocotools does.
func TestOddShapes(t *testing.T) {
	var cases []struct {
		Polygons []Polygon
		Counts   string
	}
	if err := json.Unmarshal([]byte(readOdd(t, "shapes.json")), &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		got, err := PolygonRLE(40, 50, c.Polygons...)
		if err != nil || got.Compress() != c.Counts {
			t.Errorf("shape %d, %v: %q, %v, want %q", i, c.Polygons, got.Compress(), err, c.Counts)
		}
	}
}

// TestNotes: what is made of a file is told.
func TestNotes(t *testing.T) {
	image, category := `"images":[{"id":1},{"id":"a"}]`, `"categories":[{"id":1,"name":5}]`
	box := func(id, image, category string) string {
		return `{"id":` + id + `,"image_id":` + image + `,"category_id":` + category + `,"bbox":[1,2,3,4],"segmentation":[[1]]}`
	}
	for _, c := range []struct{ annotations, want string }{
		{box("1", "1", "1") + "," + box("2", `"a"`, "1"), ""},
		{box("0", "1", "1"), "an annotation has id 0, which pycocotools takes for no match"},
		{box("3", "1", "1") + "," + box("3", "1", "1"), "1 annotation ids occur before with another entry: the last"},
		{box("3", "1", "null"), `1 annotations are left out, whose category is not among the 1 that are listed: the first is annotations[0] (id 3, category null)`},
		{box("3", "1", "1") + "," + box("4", `"b"`, "1") + "," + box("5", `"c"`, "1"), `2 annotations are left out, whose image is not among the 2 that are listed: the first is annotations[1] (id 4, image "b")`},
	} {
		d, err := ReadDataset(strings.NewReader(`{`+image+`,`+category+`,"annotations":[`+c.annotations+`]}`), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.Notes, "; "); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s\n got %s\nwant %s", c.annotations, got, c.want)
		}
	}
	d, err := ReadDataset(strings.NewReader(`{"images":[{"id":1},{"id":1}],"categories":[{"id":2},{"id":2}]}`), ReadOptions{})
	if err != nil || len(d.Notes) != 2 || len(d.Images) != 1 || len(d.Categories) != 1 {
		t.Errorf("%v, %v", d, err)
	}
}

// TestBadShapesAreCounted: all of them are, and the first is named with its place.
func TestBadShapesAreCounted(t *testing.T) {
	gt := `{"images":[{"id":1,"height":9,"width":9}],"categories":[{"id":1}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[1,2,3,4],"segmentation":[[1,2,3,4,5,6]]}]}`
	dt := `[{"image_id":1,"category_id":1,"score":1,"segmentation":[1,2]},{"image_id":1,"category_id":1,"score":1,"segmentation":[[1,2,3,4]]}]`
	_, err := scoreOdd(t, gt, dt, Segm)
	if want := `coco: 0 annotations and 2 results have no mask that could be scored, the first is byte 1, results[0]: byte 56: a number where an outline is expected`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestCrossedColumns: an outline that crosses few columns very often takes n log n, and one
// that would take too long is refused.
func TestCrossedColumns(t *testing.T) {
	var p Polygon
	for i := range 300_000 {
		p = append(p, float64(20*(i%2)), float64((i*7919)%1000))
	}
	r, err := PolygonRLE(1000, 20, p)
	if err != nil {
		t.Fatal(err)
	}
	const want = "01e36e006a9e00c08ca770845bc89d480027d2afa7fc0bfad1907241b0106af3" // of pycocotools' string, from testdata/odd/make.py
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(r.Compress()))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	p = p[:0]
	for i := range 2_000 {
		p = append(p, float64(46340*(i%2)), float64(i))
	}
	if _, err := PolygonRLE(46340, 46340, p); err == nil || !strings.Contains(err.Error(), "passes pixel columns 92680000 times") {
		t.Errorf("%v", err)
	}
}
