package coco

import (
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Curves are over the first area range and the largest maxDets: with the default
// parameters all objects and 100 detections.

// curvePoint is the mean over the categories that have objects of precision and
// score, or -1.
func (e *Evaluation) curvePoint(t, r int) (precision, score float64) {
	m := len(e.Params.MaxDets) - 1
	var precisions, scores []float64
	for k := range e.Categories {
		at := e.precisionAt(t, r, k, 0, m)
		precisions, scores = append(precisions, e.Precision[at]), append(scores, e.Scores[at])
	}
	return mean(precisions), mean(scores)
}

// WriteCurves writes precision against recall as CSV, in full precision:
//
//	category_id,category,iou,recall,precision,score
//
// First the mean of all categories, without id and named "mean", then each
// category that has objects. score is that at which the recall is reached, 0 where
// it never is.
func (e *Evaluation) WriteCurves(w io.Writer) error {
	out := csv.NewWriter(w)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	row := func(id, name string, t, r int, precision, score float64) {
		out.Write([]string{id, name, number(e.Params.IoUThresholds[t]), number(e.Params.RecallThresholds[r]), number(precision), number(score)})
	}
	out.Write([]string{"category_id", "category", "iou", "recall", "precision", "score"})
	for t := range e.Params.IoUThresholds {
		for r := range e.Params.RecallThresholds {
			precision, score := e.curvePoint(t, r)
			row("", "mean", t, r, precision, score)
		}
	}
	for k, c := range e.Categories {
		if e.Positives[k*len(e.Params.Areas)] == 0 {
			continue
		}
		for t := range e.Params.IoUThresholds {
			for r := range e.Params.RecallThresholds {
				at := e.precisionAt(t, r, k, 0, len(e.Params.MaxDets)-1)
				row(strconv.FormatInt(c.ID, 10), c.Name, t, r, e.Precision[at], e.Scores[at])
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	return nil
}

// PlotCurves draws precision against recall as a PNG: a line for each IoU
// threshold, mean of all categories that have objects.
func (e *Evaluation) PlotCurves(w io.Writer) error {
	p := plot.New()
	present := 0
	for k := range e.Categories {
		if e.Positives[k*len(e.Params.Areas)] > 0 {
			present++
		}
	}
	p.Title.Text = fmt.Sprintf("%s, %s areas, at most %d detections: mean of %d categories",
		e.Type, e.Params.Areas[0].Label, e.Params.MaxDets[len(e.Params.MaxDets)-1], present)
	p.X.Label.Text, p.Y.Label.Text = "recall", "precision"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.X.Tick.Marker, p.Y.Tick.Marker = fifths, fifths
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Left = true, false
	p.Legend.XOffs = -vg.Points(6)
	p.Legend.YOffs = -vg.Points(6)
	for t, threshold := range e.Params.IoUThresholds {
		var points plotter.XYs
		for r, recall := range e.Params.RecallThresholds {
			if precision, _ := e.curvePoint(t, r); precision != absent {
				points = append(points, plotter.XY{X: recall, Y: precision})
			}
		}
		name := fmt.Sprintf("IoU %.2f", threshold)
		if len(points) == 0 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("coco: %w", err)
		}
		line.Color = ramp(float64(t) / math.Max(1, float64(len(e.Params.IoUThresholds)-1)))
		line.Width = vg.Points(1.5)
		p.Add(line)
		ap := e.averagePrecision(selection{t: []int{t}, a: []int{0}, m: []int{len(e.Params.MaxDets) - 1}})
		p.Legend.Add(fmt.Sprintf("%s  AP %.3f", name, ap), line)
	}
	const side = 16 * vg.Centimeter
	png, err := p.WriterTo(side*5/4, side, "png")
	if err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	if _, err := png.WriteTo(w); err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	return nil
}

// fifths marks 0, .2, ..., 1.
var fifths = func() (ticks plot.ConstantTicks) {
	for i := range 6 {
		at := float64(i) / 5
		ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'g', -1, 64)})
	}
	return ticks
}()

// ramp is a color from dark blue over green to orange; dark and light differ for
// those who do not see hues.
func ramp(at float64) color.Color {
	stops := [...][3]float64{{30, 40, 120}, {20, 130, 140}, {110, 180, 80}, {245, 150, 30}}
	at *= float64(len(stops) - 1)
	i := min(int(at), len(stops)-2)
	mix := func(c int) uint8 { return uint8(stops[i][c] + (stops[i+1][c]-stops[i][c])*(at-float64(i))) }
	return color.NRGBA{mix(0), mix(1), mix(2), 255}
}
