package images

import (
	"math"
	"strconv"
)

// Affine maps the pixels of a warped image to places in its source: the pixel in
// column i of row j comes from
//
//	x = a0·(i+½) + a1·(j+½) + a2
//	y = a3·(i+½) + a4·(j+½) + a5
//
// where pixel (i, j) of the source covers x from i to i+1 and y from j to j+1.
type Affine [6]float64

// Rotation turns a w x h image counter-clockwise about its centre, with the matrix
// of Pillow's Image.rotate.
func Rotation(degrees float64, w, h int) Affine {
	if degrees = math.Mod(degrees, 360); degrees < 0 {
		degrees += 360
	}
	const radians = float64(math.Pi) / 180
	sin, cos := math.Sincos(-degrees * radians)
	sin, cos = round15(sin), round15(cos)
	x, y := float64(w)/2, float64(h)/2
	return Affine{
		cos, sin, float64(-cos*x) - float64(sin*y) + x,
		-sin, cos, float64(sin*x) - float64(cos*y) + y,
	}
}

// round15 rounds to 15 decimals.
func round15(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'f', 15, 64), 64) // cannot fail
	return v
}

// Filter says how a warped pixel is interpolated between those of the source.
type Filter int

// The filters of Warp.
const (
	Bicubic  Filter = iota // 4x4 pixels, cubic convolution with a = -1
	Bilinear               // 2x2 pixels
)

// Warp writes to dst, in the size of src, what the affine map m shows of src, and
// fill where m leads outside of it. dst and src must not be the same image.
//
// This is Pillow's Image.transform, to the last bit: no antialiasing, the border
// pixels repeated outwards, results cut off to whole bytes. Its cubic is another
// one than that of ResizeBicubic.
func Warp(dst, src *Image, m Affine, filter Filter, fill [3]uint8) {
	dst.Reset(src.W, src.H)
	w, h := float64(src.W), float64(src.H)
	sample := src.bicubic
	if filter == Bilinear {
		sample = src.bilinear
	}
	for j := range dst.H {
		v, row := float64(j)+.5, dst.row(j)
		for i := range dst.W {
			u, p := float64(i)+.5, row[3*i:][:3]
			x := float64(m[0]*u) + float64(m[1]*v) + m[2]
			y := float64(m[3]*u) + float64(m[4]*v) + m[5]
			if x >= 0 && x < w && y >= 0 && y < h {
				sample(p, x-.5, y-.5)
			} else {
				copy(p, fill[:])
			}
		}
	}
}

// bicubic sets p to the pixel at (x, y), in units of pixel centres. The four rows
// around it are interpolated along x, then those values along y. A row that is hit
// exactly is taken as it is, which the formula comes to.
func (m *Image) bicubic(p []uint8, x, y float64) {
	left, top := math.Floor(x), math.Floor(y)
	dx, dy := x-left, y-top
	i, j := int(left), int(top)
	c0, c1, c2, c3 := 3*clamp(i-1, m.W), 3*clamp(i, m.W), 3*clamp(i+1, m.W), 3*clamp(i+2, m.W)
	along := func(line []uint8) float64 {
		return cubic(float64(line[c0]), float64(line[c1]), float64(line[c2]), float64(line[c3]), dx)
	}
	here := m.row(clamp(j, m.H))
	if dy == 0 {
		for channel := range p {
			p[channel] = cutOff(along(here[channel:]))
		}
		return
	}
	above, below, last := m.row(clamp(j-1, m.H)), m.row(clamp(j+1, m.H)), m.row(clamp(j+2, m.H))
	for channel := range p {
		p[channel] = cutOff(cubic(along(above[channel:]), along(here[channel:]), along(below[channel:]), along(last[channel:]), dy))
	}
}

// cutOff limits v to 0..255 and drops its fraction.
func cutOff(v float64) uint8 { return clip8(int(v)) }

// bilinear sets p to the pixel at (x, y), in units of pixel centres.
func (m *Image) bilinear(p []uint8, x, y float64) {
	left, top := math.Floor(x), math.Floor(y)
	dx, dy := x-left, y-top
	i, j := int(left), int(top)
	c0, c1 := 3*clamp(i, m.W), 3*clamp(i+1, m.W)
	upper, lower := m.row(clamp(j, m.H)), m.row(clamp(j+1, m.H))
	for channel := range p {
		a := linear(float64(upper[c0+channel]), float64(upper[c1+channel]), dx)
		b := linear(float64(lower[c0+channel]), float64(lower[c1+channel]), dx)
		p[channel] = uint8(linear(a, b, dy))
	}
}

// cubic interpolates between b (t = 0) and c (t = 1) of four values in a row, by
// cubic convolution with a = -1. Every product is rounded, so that the result does
// not depend on whether a processor can multiply and add at once.
func cubic(a, b, c, d, t float64) float64 {
	p := c - a
	q := 2*(a-b) + c - d
	r := -a + b - c + d
	return b + float64(t*(p+float64(t*(q+float64(t*r)))))
}

func linear(a, b, t float64) float64 { return a + float64((b-a)*t) }

// clamp gives the nearest of the n indices from 0.
func clamp(i, n int) int { return min(max(i, 0), n-1) }
