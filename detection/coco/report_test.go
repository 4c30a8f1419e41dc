package coco

import (
	"bytes"
	"encoding/json"
	"image/png"
	"strings"
	"testing"

	"pmx/internal/golden"
)

// smallEvaluation has a category with two objects, of which one is found, and one
// without any.
func smallEvaluation(t *testing.T) *Evaluation {
	t.Helper()
	d := quirk(t, Annotation{ID: 1, Box: XYWH{0, 0, 10, 10}}, Annotation{ID: 2, Box: XYWH{50, 50, 20, 20}})
	results := Results{detected(.9, XYWH{0, 0, 10, 8}), detected(.5, XYWH{80, 0, 10, 10})}
	return score(t, d, results, Params{IoUThresholds: []float64{.5, .75, .9}, RecallThresholds: []float64{0, .25, .5, 1}}, BBox)
}

func TestWriteCurves(t *testing.T) {
	var out bytes.Buffer
	if err := smallEvaluation(t).WriteCurves(&out); err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "curves.csv", out.String())
}

func TestPlotCurves(t *testing.T) {
	var out bytes.Buffer
	e := smallEvaluation(t)
	if err := e.PlotCurves(&out); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	// The line of the highest threshold, drawn last, is in its color somewhere.
	r, g, b, _ := ramp(1).RGBA()
	found := false
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if pr, pg, pb, _ := img.At(x, y).RGBA(); pr == r && pg == g && pb == b {
				found = true
			}
		}
	}
	if !found || img.Bounds().Dx() < 600 {
		t.Errorf("picture of %v, its last line found: %t", img.Bounds(), found)
	}

	empty := score(t, quirk(t), nil, Params{}, BBox)
	if err := empty.PlotCurves(&out); err != nil {
		t.Errorf("without objects: %v", err)
	}
}

func TestWriteReport(t *testing.T) {
	var out bytes.Buffer
	e := smallEvaluation(t)
	if err := WriteReport(&out, []*Evaluation{e}); err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "report.json", out.String())

	var back struct {
		Scores []struct {
			Stats []struct{ Value float64 }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	stats, _ := e.Stats()
	for i, v := range stats.Values() {
		if back.Scores[0].Stats[i].Value != v {
			t.Errorf("number %d is %v in the report, %v in the evaluation", i, back.Scores[0].Stats[i].Value, v)
		}
	}

	few := score(t, quirk(t), nil, Params{MaxDets: []int{100}}, BBox)
	if err := WriteReport(&out, []*Evaluation{few}); err == nil || !strings.Contains(err.Error(), "three values of maxDets") {
		t.Errorf("report of one maxDets: error %v", err)
	}
}
