package coco

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

// The picture in pixels: a square of recall and precision, both from 0 to 1, with the
// legend on its right.
const (
	curvesWidth, curvesHeight = 704, 544
	plotLeft, plotTop         = 64, 48
	plotSide                  = 440
	legendLeft                = plotLeft + plotSide + 20
	legendStep                = 24 // between two lines, where all have room
)

// curvesPicture is what curvesSVG draws.
type curvesPicture struct {
	Title                     string
	Width, Height             int
	Left, Right, Top, Bottom  int // of the plot
	Middle, Centre            int // of the plot, across and down
	LegendText, LegendLineEnd int
	LegendLeft                int
	Ticks                     []tick
	Lines                     []curveLine
}

// tick is a number on both axes.
type tick struct {
	Label string
	X, Y  string
}

// curveLine is the line of a threshold and its place in the legend.
type curveLine struct {
	Name, Color, Points string
	LegendY             int
}

// The labels are centred by anchors and baselines alone, so that any font does.
var curvesSVG = template.Must(template.New("curves").Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="{{.Height}}" viewBox="0 0 {{.Width}} {{.Height}}" font-family="Helvetica, Arial, sans-serif" font-size="14">
<title>{{.Title}}</title>
<rect width="{{.Width}}" height="{{.Height}}" fill="#ffffff"/>
<text x="{{.Left}}" y="28" font-size="15">{{.Title}}</text>
<g stroke="#dddddd">
{{- range .Ticks}}
<line x1="{{$.Left}}" y1="{{.Y}}" x2="{{$.Right}}" y2="{{.Y}}"/><line x1="{{.X}}" y1="{{$.Top}}" x2="{{.X}}" y2="{{$.Bottom}}"/>
{{- end}}
</g>
<g text-anchor="end">
{{- range .Ticks}}
<text x="{{$.Left}}" y="{{.Y}}" dx="-8" dy="0.35em">{{.Label}}</text>
{{- end}}
</g>
<g text-anchor="middle">
{{- range .Ticks}}
<text x="{{.X}}" y="{{$.Bottom}}" dy="1.4em">{{.Label}}</text>
{{- end}}
<text x="{{.Middle}}" y="{{.Bottom}}" dy="2.9em">recall</text>
<text transform="translate({{.Left}} {{.Centre}}) rotate(-90)" dy="-2.6em">precision</text>
</g>
<g fill="none" stroke-width="2" stroke-linejoin="round">
{{- range .Lines}}
<polyline stroke="{{.Color}}" points="{{.Points}}"/><line stroke="{{.Color}}" x1="{{$.LegendLeft}}" y1="{{.LegendY}}" x2="{{$.LegendLineEnd}}" y2="{{.LegendY}}"/>
{{- end}}
</g>
{{- range .Lines}}
<text x="{{$.LegendText}}" y="{{.LegendY}}" dy="0.35em">{{.Name}}</text>
{{- end}}
</svg>
`))

// PlotCurves draws precision against recall as an SVG picture: a line for each IoU
// threshold, mean of all categories that have objects.
func (e *Evaluation) PlotCurves(w io.Writer) error {
	present := 0
	for k := range e.Categories {
		if e.Positives[k*len(e.Params.Areas)] > 0 {
			present++
		}
	}
	p := curvesPicture{
		Title: fmt.Sprintf("%s, %s areas, at most %d detections: mean of %d categories",
			e.Type, e.Params.Areas[0].Label, e.Params.MaxDets[len(e.Params.MaxDets)-1], present),
		Width: curvesWidth, Height: curvesHeight,
		Left: plotLeft, Right: plotLeft + plotSide, Top: plotTop, Bottom: plotTop + plotSide,
		Middle: plotLeft + plotSide/2, Centre: plotTop + plotSide/2,
		LegendLeft: legendLeft, LegendLineEnd: legendLeft + 20, LegendText: legendLeft + 28,
	}
	for fifth := range 6 {
		at := float64(fifth) / 5
		p.Ticks = append(p.Ticks, tick{Label: fmt.Sprint(at), X: pixel(plotX(at)), Y: pixel(plotY(at))})
	}
	for t := range e.Params.IoUThresholds {
		if line := e.curveLine(t); line.Points != "" {
			p.Lines = append(p.Lines, line)
		}
	}
	if err := curvesSVG.Execute(w, p); err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	return nil
}

// curveLine is the line of a threshold; without points where there are no objects.
func (e *Evaluation) curveLine(t int) curveLine {
	n := len(e.Params.IoUThresholds)
	ap := e.averagePrecision(selection{t: []int{t}, a: []int{0}, m: []int{len(e.Params.MaxDets) - 1}})
	line := curveLine{
		Name:    fmt.Sprintf("IoU %.2f, AP %.3f", e.Params.IoUThresholds[t], ap),
		Color:   ramp(float64(t) / math.Max(1, float64(n-1))),
		LegendY: plotTop + 8 + t*min(legendStep, plotSide/n),
	}
	var points []string
	for r, recall := range e.Params.RecallThresholds {
		if precision, _ := e.curvePoint(t, r); precision != absent {
			points = append(points, pixel(plotX(recall))+","+pixel(plotY(precision)))
		}
	}
	line.Points = strings.Join(points, " ")
	return line
}

func plotX(recall float64) float64    { return plotLeft + plotSide*recall }
func plotY(precision float64) float64 { return plotTop + plotSide*(1-precision) }

// pixel is a coordinate to a hundredth of a pixel.
func pixel(v float64) string { return fmt.Sprintf("%.2f", v) }

// ramp is a colour from dark blue over green to orange; dark and light differ for
// those who do not see hues.
func ramp(at float64) string {
	stops := [...][3]float64{{30, 40, 120}, {20, 130, 140}, {110, 180, 80}, {245, 150, 30}}
	at *= float64(len(stops) - 1)
	i := min(int(at), len(stops)-2)
	mix := func(c int) uint8 { return uint8(stops[i][c] + (stops[i+1][c]-stops[i][c])*(at-float64(i))) }
	return fmt.Sprintf("#%02x%02x%02x", mix(0), mix(1), mix(2))
}
