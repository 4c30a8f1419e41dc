package coco

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// slowPolygon is the rule as the COCO API's authors state it, point by point:
// every point of the outline on the fine grid, in order; then the columns'
// centres that it passes.
func slowPolygon(height, width int, p Polygon) []uint32 {
	type point struct{ u, v int }
	var outline []point
	n := len(p) / 2
	for i := range n {
		j := (i + 1) % n
		x0, y0, x1, y1 := fine(p[2*i]), fine(p[2*i+1]), fine(p[2*j]), fine(p[2*j+1])
		dx, dy := max(x1-x0, x0-x1), max(y1-y0, y0-y1)
		flip := dx >= dy && x0 > x1 || dx < dy && y0 > y1
		if flip {
			x0, y0, x1, y1 = x1, y1, x0, y0
		}
		var edge []point
		switch {
		case dx == 0 && dy == 0:
			edge = append(edge, point{x0, y0})
		case dx >= dy:
			slope := float64(y1-y0) / float64(dx)
			for t := range dx + 1 {
				edge = append(edge, point{x0 + t, int(float64(y0) + float64(slope*float64(t)) + .5)})
			}
		default:
			slope := float64(x1-x0) / float64(dy)
			for t := range dy + 1 {
				edge = append(edge, point{int(float64(x0) + float64(slope*float64(t)) + .5), y0 + t})
			}
		}
		if flip {
			slices.Reverse(edge)
		}
		outline = append(outline, edge...)
	}
	var crossings []uint32
	for i := 1; i < len(outline); i++ {
		a, b := outline[i-1], outline[i]
		if a.u == b.u {
			continue
		}
		u := b.u - 1
		if b.u < a.u {
			u = b.u
		}
		x := (float64(u)+.5)/upsample - .5
		if math.Floor(x) != x || x < 0 || x > float64(width-1) {
			continue
		}
		y := (float64(min(a.v, b.v))+.5)/upsample - .5
		y = math.Ceil(min(max(y, 0), float64(height)))
		crossings = append(crossings, uint32(int(x)*height+int(y)))
	}
	crossings = append(crossings, uint32(height*width))
	slices.Sort(crossings)
	return appendRuns(nil, crossings)
}

func TestFastPolygonEqualsSlowPolygon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 60).Draw(t, "h"), rapid.IntRange(1, 60).Draw(t, "w")
		reach := rapid.SampledFrom([]float64{1, 70, 2000}).Draw(t, "reach")
		var p Polygon
		for range 2 * rapid.IntRange(3, 8).Draw(t, "points") {
			v := rapid.Float64Range(-reach, reach).Draw(t, "coordinate")
			if rapid.Bool().Draw(t, "rounded") {
				v = math.Round(v*10) / 10
			}
			p = append(p, v)
		}
		got, err := PolygonRLE(h, w, p)
		if err != nil {
			t.Fatal(err)
		}
		if want := slowPolygon(h, w, p); !slices.Equal(got.Counts, want) {
			t.Errorf("%dx%d %v:\n got %v\nwant %v", h, w, p, got.Counts, want)
		}
	})
}

// TestPolygonFarOutside: outlines far larger than the image take no longer.
func TestPolygonFarOutside(t *testing.T) {
	const far = maxCoordinate
	r, err := PolygonRLE(30, 20, Polygon{-far, -far, far, -far, far, far, -far, far})
	if err != nil {
		t.Fatal(err)
	}
	if r.Area() != 600 {
		t.Errorf("an outline around the whole image covers %d of its 600 pixels", r.Area())
	}
}

func TestPolygonErrors(t *testing.T) {
	for _, c := range []struct {
		polygon Polygon
		want    string
	}{
		{Polygon{1, 2, 3, 4}, "has 4 numbers"},
		{Polygon{1, 2, 3, 4}, "has 4 numbers, which looks like a box"},
		{Polygon{1, 2, 3, math.NaN(), 5, 6}, "number 3 of a polygon is NaN"},
		{Polygon{1, 2, 3, 1e12, 5, 6}, "number 3 of a polygon is 1e+12"},
	} {
		if _, err := PolygonRLE(10, 10, c.polygon); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q in it", c.polygon, err, c.want)
		}
	}
	if _, err := PolygonRLE(0, 10, Polygon{0, 0, 1, 0, 1, 1}); err == nil {
		t.Error("a mask without pixels is drawn on")
	}
}

// FuzzPolygon draws any outline that passes validation: no panic, runs that cover
// the mask, and the slow rule's runs where that one is not too slow.
func FuzzPolygon(f *testing.F) {
	f.Add(uint16(10), uint16(10), 0.0, 0.0, 5.0, 0.0, 5.0, 5.0, 2.5, -1.0)
	f.Add(uint16(1), uint16(300), -1e8, 3.3, 1e8, -2e8, 0.1, 0.1, 2.6, 2.6)
	f.Fuzz(func(t *testing.T, height, width uint16, a, b, c, d, e, g, h, i float64) {
		p := Polygon{a, b, c, d, e, g, h, i}
		if height == 0 || width == 0 || height > 500 || width > 500 || validateOutlines([]Polygon{p}) != nil {
			return
		}
		got, err := PolygonRLE(int(height), int(width), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, v := range p {
			if math.Abs(v) > 1e4 {
				return
			}
		}
		if want := slowPolygon(int(height), int(width), p); !slices.Equal(got.Counts, want) {
			t.Errorf("%dx%d %v:\n got %v\nwant %v", height, width, p, got.Counts, want)
		}
	})
}

func BenchmarkPolygonRLE(b *testing.B) {
	var p Polygon
	for i := range 40 {
		a := 2 * math.Pi * float64(i) / 40
		p = append(p, 320+200*math.Cos(a), 240+150*math.Sin(a))
	}
	var r rasteriser
	for b.Loop() {
		r.draw(480, 640, p)
	}
}

func BenchmarkPolygonRLESlow(b *testing.B) {
	var p Polygon
	for i := range 40 {
		a := 2 * math.Pi * float64(i) / 40
		p = append(p, 320+200*math.Cos(a), 240+150*math.Sin(a))
	}
	for b.Loop() {
		slowPolygon(480, 640, p)
	}
}
