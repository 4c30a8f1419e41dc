package coco

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScoresDoNotDependOnProcessors: a hammer for the sharing of work. Run it with
// -race.
func TestScoresDoNotDependOnProcessors(t *testing.T) {
	s := DefaultSynthetic()
	s.Images, s.Detections, s.Masks = 150, 30, true
	d, results := syntheticCase(t, s)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, p := range []Params{{}, {CategoryAgnostic: true}} {
		for _, typ := range []IoUType{BBox, Segm} {
			runtime.GOMAXPROCS(1)
			want := score(t, d, results, p, typ)
			for _, n := range []int{2, 7} {
				runtime.GOMAXPROCS(n)
				got := score(t, d, results, p, typ)
				if !slices.Equal(got.Precision, want.Precision) || !slices.Equal(got.Scores, want.Scores) || !slices.Equal(got.Recall, want.Recall) {
					t.Errorf("%s, agnostic %t: %d processors give other numbers than one", typ, p.CategoryAgnostic, n)
				}
			}
		}
	}
}

// TestProcess adds detections image by image, as a detector makes them.
func TestProcess(t *testing.T) {
	d := quirk(t, Annotation{ID: 1, Box: XYWH{10, 10, 20, 20}}, Annotation{ID: 2, ImageID: 2, CategoryID: 2, Box: XYWH{0, 0, 5, 5}})
	e, err := NewEvaluator(d, Params{})
	if err != nil {
		t.Fatal(err)
	}
	add := func() {
		t.Helper()
		if err := e.Process(1, Instances{Boxes: Boxes{{10, 10, 30, 30}}, Scores: []float64{.9}, Categories: []int64{1}}); err != nil {
			t.Fatal(err)
		}
		mask, _ := BoxRLE(100, 100, XYWH{0, 0, 5, 5})
		if err := e.Process(2, Instances{Boxes: Boxes{{0, 0, 5, 5}}, Masks: []RLE{mask}, Scores: []float64{.8}, Categories: []int64{2}}); err != nil {
			t.Fatal(err)
		}
	}
	ap := func() float64 {
		t.Helper()
		out, err := e.Evaluate(context.Background(), BBox)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := out[0].Stats()
		if err != nil {
			t.Fatal(err)
		}
		return about(stats[0].Value)
	}
	if got := ap(); got != 0 {
		t.Errorf("AP %v without detections, want 0", got)
	}
	add()
	if got := ap(); got != 1 {
		t.Errorf("AP %v, want 1", got)
	}
	e.Reset()
	if got := ap(); got != 0 {
		t.Errorf("AP %v after Reset, want 0", got)
	}
	if err := e.Process(2, Instances{}); err != nil {
		t.Errorf("an image without detections: %v", err)
	}
}

func TestProcessErrors(t *testing.T) {
	e, err := NewEvaluator(quirk(t), Params{})
	if err != nil {
		t.Fatal(err)
	}
	one := Instances{Boxes: Boxes{{0, 0, 1, 1}}, Scores: []float64{1}, Categories: []int64{1}}
	for want, in := range map[string]Instances{
		"the counts must agree":           {Boxes: Boxes{{0, 0, 1, 1}}, Scores: []float64{1, 2}, Categories: []int64{1, 1}},
		"neither boxes nor masks":         {Scores: []float64{1}, Categories: []int64{1}},
		"mask 0 of image 1: malformed":    {Masks: []RLE{{Height: 2, Width: 2}}, Scores: []float64{1}, Categories: []int64{1}},
		"category 9, which is not among":  {Boxes: one.Boxes, Scores: one.Scores, Categories: []int64{9}},
		"results[0]: its score NaN and b": {Boxes: one.Boxes, Scores: []float64{nan()}, Categories: []int64{1}},
	} {
		if err := e.Process(1, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %s", in, err, want)
		}
	}
	if err := e.Process(5, one); err == nil || !strings.Contains(err.Error(), "image 5, which is not among the 2 images") {
		t.Errorf("unknown image: error %v", err)
	}
}

func nan() float64 {
	zero := 0.
	return zero / zero
}

// TestEvaluateErrors: what only scoring can find out names the result's place in
// its file.
func TestEvaluateErrors(t *testing.T) {
	for _, c := range []struct {
		results string
		typ     IoUType
		want    string
	}{
		{`[{"image_id":1,"category_id":1,"score":1,"bbox":[0,0,1,1]}, {"image_id":1,"category_id":1,"score":1,"segmentation":{"size":[100,100],"counts":[10000]}}]`,
			BBox, `r.json: byte 60, results[1]: there is no "bbox", but the first result has one`},
		{`[{"image_id":1,"category_id":1,"score":1,"segmentation":{"size":[100,100],"counts":[10000]}}, {"image_id":1,"category_id":1,"score":1,"bbox":[0,0,1,1]}]`,
			Segm, `results[1]: there is no "segmentation", but the first result has one`},
		{`[{"image_id":1,"category_id":1,"score":1,"segmentation":{"size":[10,10],"counts":[100]}}]`,
			Segm, `r.json: byte 1, results[0]: the RLE has size [10, 10], its image has height 100 and width 100`},
		{`[]`, "keypoints", `unknown type "keypoints"`},
		{`[{"image_id":1,"category_id":1,"score":1,"bbox":[0,0,1,1]}]`, Segm, `annotation 1 of image 1: there is no segmentation`},
	} {
		a := Annotation{ID: 1, Box: XYWH{10, 10, 20, 20}}
		if !strings.Contains(c.want, "no segmentation") {
			a.Segmentation.Polygons = []Polygon{{10, 10, 30, 10, 30, 30, 10, 30}}
		}
		d := quirk(t, a)
		results, err := ReadResults(strings.NewReader(c.results), ReadOptions{File: "r.json"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewEvaluator(d, Params{})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Add(results); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Evaluate(context.Background(), c.typ); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.results, err, c.want)
		}
	}
}

func TestEvaluateStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := DefaultSynthetic()
	s.Images, s.Detections = 50, 5
	d, results := syntheticCase(t, s)
	e, err := NewEvaluator(d, Params{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Add(results); err != nil {
		t.Fatal(err)
	}
	var progress []int
	e.Progress = func(done, total int) {
		progress = append(progress, done)
		if want := len(d.Annotations) + len(results); total != want {
			t.Errorf("progress of %d, want %d", total, want)
		}
	}
	if _, err := e.Evaluate(ctx, BBox); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(progress) || progress[len(progress)-1] != len(d.Annotations)+len(results) {
		t.Errorf("progress %v", progress)
	}
	cancel()
	if _, err := e.Evaluate(ctx, BBox); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the context's end", err)
	}
}

func TestParamsErrors(t *testing.T) {
	d := quirk(t)
	for want, p := range map[string]Params{
		"at least one IoU threshold":       {IoUThresholds: []float64{}},
		"threshold 1.5, it must lie":       {IoUThresholds: []float64{1.5}},
		"threshold NaN":                    {RecallThresholds: []float64{nan()}},
		"must rise":                        {RecallThresholds: []float64{.5, .1}},
		`area range "x" from 5 to 1`:       {Areas: []AreaRange{{"x", 5, 1}}},
		"maxDets 0, it must be 1":          {MaxDets: []int{10, 0}},
		"image 5 is to be scored":          {ImageIDs: []int64{1, 5}},
		"category 5 is to be scored":       {CategoryIDs: []int64{5}},
		"category 1 is to be scored twice": {CategoryIDs: []int64{1, 2, 1}, CategoryAgnostic: true},
	} {
		if _, err := NewEvaluator(d, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %s", p, err, want)
		}
	}
}

func TestThresholdRange(t *testing.T) {
	got, err := ThresholdRange(.5, .95, .05)
	if diff := cmp.Diff(linspace(.5, .95, 10), got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if got, err := ThresholdRange(.5, .5, .1); err != nil || !slices.Equal(got, []float64{.5}) {
		t.Errorf("one threshold: %v, %v", got, err)
	}
	for _, bad := range [][3]float64{{.5, .9, 0}, {.9, .5, .1}, {0, 1, 1e-9}, {0, 1, nan()}} {
		if _, err := ThresholdRange(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%v gave thresholds", bad)
		}
	}
}
