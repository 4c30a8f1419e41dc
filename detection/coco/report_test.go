package coco

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"slices"
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

// TestPlotCurves reads the picture back: its lines, in the pixels of the axes' numbers, are
// the means that are written as CSV, and its texts are those that were meant.
func TestPlotCurves(t *testing.T) {
	e := smallEvaluation(t)
	e.Params.Areas[0].Label = `<"all" & more>`
	picture := parseCurves(t, e)
	if want := `bbox, <"all" & more> areas, at most 100 detections: mean of 1 categories`; picture.Title != want || !slices.Contains(picture.texts(), want) {
		t.Errorf("title %q, want %q", picture.Title, want)
	}
	for _, want := range []string{"recall", "precision", "0.2", "IoU 0.50, AP 0.750", "IoU 0.75, AP 0.750", "IoU 0.90, AP 0.000"} {
		if !slices.Contains(picture.texts(), want) {
			t.Errorf("no %q among %q", want, picture.texts())
		}
	}
	lines := picture.polylines()
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3", len(lines))
	}
	for i, line := range lines {
		points := strings.Fields(line.Points)
		if len(points) != len(e.Params.RecallThresholds) {
			t.Fatalf("line %d: %d points, want %d", i, len(points), len(e.Params.RecallThresholds))
		}
		for r, recall := range e.Params.RecallThresholds {
			var x, y float64
			if _, err := fmt.Sscanf(points[r], "%g,%g", &x, &y); err != nil {
				t.Fatal(err)
			}
			// Between the grid's first and last lines.
			gotRecall, gotPrecision := (x-picture.grid[0])/(picture.grid[1]-picture.grid[0]), (picture.grid[3]-y)/(picture.grid[3]-picture.grid[2])
			if precision, _ := e.curvePoint(i, r); !(math.Abs(gotRecall-recall) <= 1e-4) || !(math.Abs(gotPrecision-precision) <= 1e-4) {
				t.Errorf("line %d: %g at %g, want %g at %g", i, gotPrecision, gotRecall, precision, recall)
			}
		}
	}
	if lines[0].Stroke == lines[2].Stroke || !regexp.MustCompile("^#[0-9a-f]{6}$").MatchString(lines[2].Stroke) {
		t.Errorf("colours %s and %s", lines[0].Stroke, lines[2].Stroke)
	}

	empty := parseCurves(t, score(t, quirk(t), nil, Params{}, BBox))
	if n := len(empty.polylines()); n != 0 {
		t.Errorf("without objects: %d lines", n)
	}
}

// svgPicture is what is looked at of an SVG picture.
type svgPicture struct {
	XMLName xml.Name  `xml:"http://www.w3.org/2000/svg svg"`
	Title   string    `xml:"title"`
	Texts   []string  `xml:"text"`
	Groups  []svgPart `xml:"g"`

	grid [4]float64 // left, right, top, bottom
}

type svgPart struct {
	Texts     []string  `xml:"text"`
	Polylines []svgLine `xml:"polyline"`
	Lines     []svgLine `xml:"line"`
}

type svgLine struct {
	Points string  `xml:"points,attr"`
	Stroke string  `xml:"stroke,attr"`
	X1     float64 `xml:"x1,attr"`
	Y1     float64 `xml:"y1,attr"`
	X2     float64 `xml:"x2,attr"`
	Y2     float64 `xml:"y2,attr"`
}

func parseCurves(t *testing.T, e *Evaluation) (p svgPicture) {
	t.Helper()
	var out bytes.Buffer
	if err := e.PlotCurves(&out); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&out)
	d.Strict = true
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	grid := p.Groups[0].Lines
	p.grid = [4]float64{grid[0].X1, grid[0].X2, grid[1].Y1, grid[1].Y2}
	return p
}

func (p svgPicture) texts() (all []string) {
	all = p.Texts
	for _, g := range p.Groups {
		all = append(all, g.Texts...)
	}
	return all
}

func (p svgPicture) polylines() (all []svgLine) {
	for _, g := range p.Groups {
		all = append(all, g.Polylines...)
	}
	return all
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
