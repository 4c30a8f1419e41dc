package coco

import (
	"fmt"
	"math"
	"slices"
)

// Polygon is one closed outline x0, y0, x1, y1, ... in pixels, where pixel (0, 0)
// covers the square from (0, 0) to (1, 1). The last point joins the first.
type Polygon []float64

const (
	// boxNumbers is the length of an outline that pycocotools takes for a box, and then
	// refuses: longer first outlines it draws, and all that follow.
	boxNumbers = 4
	// maxCoordinate keeps the fine grid within the COCO API's 32-bit integers.
	maxCoordinate = 1 << 28
	// upsample is how much finer than a pixel the COCO API follows an outline.
	upsample = 5
)

// validateOutlines says why the COCO API does not draw a shape. It looks at the length of
// the first outline alone; a coordinate without its pair at the end of an outline it leaves
// out, and an outline of fewer than three points has no inside.
func validateOutlines(polygons []Polygon) error {
	if len(polygons) == 0 {
		return fmt.Errorf("coco: there are no polygons to draw")
	}
	switch n := len(polygons[0]); {
	case n == boxNumbers:
		return fmt.Errorf("coco: a polygon has 4 numbers, which looks like a box: it takes x and y of at least three points")
	case n < boxNumbers:
		return fmt.Errorf("coco: a polygon has %d numbers, it takes x and y of at least three points", n)
	}
	for _, p := range polygons {
		for i, v := range p {
			if !(math.Abs(v) <= maxCoordinate) {
				return fmt.Errorf("coco: number %d of a polygon is %v, it must lie within ±%d", i, v, maxCoordinate)
			}
		}
	}
	return nil
}

// PolygonRLE returns the pixels inside any of the outlines, by the COCO API's own
// rule: the outline is drawn on a grid five times finer, and where it passes the
// centre line of a pixel column it begins or ends a run, at the pixel boundary
// below it. The result is that of pycocotools.mask.frPyObjects and merge, bit for
// bit; other rasterisers differ from it along the edges.
func PolygonRLE(height, width int, polygons ...Polygon) (RLE, error) {
	if err := checkMaskSize(height, width); err != nil {
		return RLE{}, err
	}
	if err := validateOutlines(polygons); err != nil {
		return RLE{}, err
	}
	var r rasteriser
	counts, err := r.drawAll(nil, height, width, polygons)
	if err != nil {
		return RLE{}, err
	}
	return RLE{Height: height, Width: width, Counts: slices.Clone(counts)}, nil
}

// BoxRLE returns the pixels of a box by the rule of PolygonRLE.
func BoxRLE(height, width int, b XYWH) (RLE, error) {
	c := b.XYXY()
	return PolygonRLE(height, width, Polygon{c[0], c[1], c[0], c[3], c[2], c[3], c[2], c[1]})
}

// rasteriser turns outlines into run lengths; its buffers serve many outlines.
type rasteriser struct {
	height, width int
	from, to      int     // the columns that are looked at
	columns       []int32 // column and row of each crossing, in the order of edges
	rows          []int32
	first, next   []int32  // by column: where its crossings begin, where the next one goes
	crossings     []uint32 // numbers of the pixels before which a run begins or ends
	counts        []uint32
}

const (
	// maxCrossings bounds the time of an outline: COCO's have some thousands.
	maxCrossings = 1 << 26
	// bandCrossings bounds the memory: columns are looked at in bands of about so many.
	bandCrossings = 1 << 22
)

// drawAll draws the union of outlines into runs, whose buffer it reuses.
func (r *rasteriser) drawAll(runs []uint32, height, width int, polygons []Polygon) ([]uint32, error) {
	for i, p := range polygons {
		drawn, err := r.draw(height, width, p)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			runs = append(runs[:0], drawn...)
		} else {
			runs = mergeCounts(runs, drawn, false)
		}
	}
	return runs, nil
}

// draw returns the runs of one outline, valid until the next call.
func (r *rasteriser) draw(height, width int, p Polygon) ([]uint32, error) {
	r.height, r.width = height, width
	p = p[:len(p)-len(p)%2]
	total := 0
	r.edges(p, func(x0, _, x1, _ int) {
		first, end := r.span(x0, x1, 0, width)
		total += max(0, end-first)
	})
	if total > maxCrossings {
		return nil, fmt.Errorf("coco: a polygon passes pixel columns %d times, more than %d", total, maxCrossings)
	}
	bands := 1 + total/bandCrossings
	r.crossings = r.crossings[:0]
	for b := range bands {
		r.from, r.to = b*width/bands, (b+1)*width/bands
		r.columns, r.rows = r.columns[:0], r.rows[:0]
		r.edges(p, r.edge)
		r.sort()
	}
	r.crossings = append(r.crossings, uint32(height*width))
	r.counts = appendRuns(r.counts[:0], r.crossings)
	return r.counts, nil
}

// edges calls visit with the ends of each edge on the fine grid.
func (r *rasteriser) edges(p Polygon, visit func(x0, y0, x1, y1 int)) {
	if len(p) == 0 {
		return
	}
	x, y := fine(p[len(p)-2]), fine(p[len(p)-1])
	for i := 0; i < len(p); i += 2 {
		x0, y0 := x, y
		x, y = fine(p[i]), fine(p[i+1])
		visit(x0, y0, x, y)
	}
}

// sort appends the crossings of the columns that are looked at by pixel number: it counts
// them by column, and orders the few that a column has.
func (r *rasteriser) sort() {
	width := r.to - r.from
	r.first = grow(r.first, width+1)
	clear(r.first)
	for _, x := range r.columns {
		r.first[int(x)-r.from+1]++
	}
	for x := range width {
		r.first[x+1] += r.first[x]
	}
	r.next = append(r.next[:0], r.first...)
	before := len(r.crossings)
	r.crossings = grow(r.crossings, before+len(r.columns))
	sorted := r.crossings[before:]
	for i, x := range r.columns {
		at := r.next[int(x)-r.from]
		r.next[int(x)-r.from]++
		sorted[at] = uint32(int(x)*r.height + int(r.rows[i]))
	}
	for x := range width {
		slices.Sort(sorted[r.first[x]:r.first[x+1]])
	}
}

// fine is the nearest coordinate of the fine grid; like the COCO API it rounds
// negative ones towards zero.
func fine(v float64) int { return int(float64(upsample*v) + .5) }

// edge notes where an edge passes the centre lines of pixel columns. The COCO API
// visits every point (u, v) of the edge on the fine grid, one a step along its
// longer side, and looks for steps between u = 5x+2 and 5x+3, for they pass the
// centre of column x. Here those steps alone are visited: the direction of the
// edge makes no difference to them, and no step between two edges is one.
func (r *rasteriser) edge(x0, y0, x1, y1 int) {
	if x0 > x1 {
		x0, y0, x1, y1 = x1, y1, x0, y0
	}
	first, end := r.span(x0, x1, r.from, r.to)
	for x := first; x < end; x++ {
		r.cross(x, crossing(x0, y0, x1, y1, upsample*x+centre))
	}
}

// centre is the point of the fine grid before the centre line of column 0.
const centre = upsample / 2

// span is the columns from x = first to below end, within bounds, whose centre lines an
// edge between two points of the fine grid passes.
func (r *rasteriser) span(x0, x1, from, to int) (first, end int) {
	x0, x1 = min(x0, x1), max(x0, x1)
	return max(from, (x0-centre+upsample-1)/upsample), min(to, (x1-centre+upsample-1)/upsample)
}

// crossing is the smaller v of the two neighbouring points of an edge at u and
// u+1, where x0 <= u < x1.
func crossing(x0, y0, x1, y1, u int) int {
	dx, dy := x1-x0, max(y1-y0, y0-y1)
	if dx >= dy {
		slope := float64(y1-y0) / float64(dx)
		at := func(t int) int { return int(float64(y0) + float64(slope*float64(t)) + .5) }
		return min(at(u-x0), at(u-x0+1))
	}
	// Steps go along v, upwards from the end with the smaller v.
	if y0 > y1 {
		x0, y0, x1 = x1, y1, x0
	}
	slope := float64(x1-x0) / float64(dy)
	at := func(t int) int { return int(float64(x0) + float64(slope*float64(t)) + .5) }
	// The step from t to t+1 leads from one side of u + 1/2 to the other; t is
	// estimated, and then corrected for rounding.
	t := min(max(int((float64(u)+.5-float64(x0))/slope), 0), dy-1)
	before := func(t int) bool { return (at(t) <= u) == (slope > 0) }
	for t > 0 && !before(t) {
		t--
	}
	for t < dy-1 && before(t+1) {
		t++
	}
	return y0 + t
}

// cross begins or ends a run in column x at the pixel whose centre lies at or
// below v on the fine grid.
func (r *rasteriser) cross(x, v int) {
	y := min(max(v+upsample/2, 0)/upsample, r.height)
	r.columns, r.rows = append(r.columns, int32(x)), append(r.rows, int32(y))
}

// appendRuns turns sorted crossings into lengths of runs. Two crossings at one
// place cancel out.
func appendRuns(counts, crossings []uint32) []uint32 {
	counts = append(counts, crossings[0])
	for i := 1; i < len(crossings); i++ {
		if n := crossings[i] - crossings[i-1]; n > 0 {
			counts = append(counts, n)
			continue
		}
		if i++; i < len(crossings) {
			counts[len(counts)-1] += crossings[i] - crossings[i-1]
		}
	}
	return counts
}
