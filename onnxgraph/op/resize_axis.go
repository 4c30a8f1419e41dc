package op

import (
	"math"

	"pmx/onnxgraph"
)

// resizeAxis is what Resize does along one axis: a sparse matrix of weights with
// one row for each position of the result.
type resizeAxis struct {
	in, out int
	scale   float64 // out / in, or as it was given
	length  float64 // in · scale, before it is cut to a whole number

	start, end float64 // region of interest, as fractions of the axis

	mode, transformation, nearest string
	cubic                         float64
	exclude                       bool
}

func (a resizeAxis) unchanged() bool {
	whole := a.transformation != "tf_crop_and_resize" || a.start == 0 && a.end == 1
	return whole && a.in == a.out && a.scale == 1
}

// source is the position of x, in elements, that position i of the result is
// read at.
func (a resizeAxis) source(i int) float64 {
	x := float64(i)
	switch a.transformation {
	case "align_corners":
		if a.length == 1 {
			return 0
		}
		return x * float64(a.in-1) / (a.length - 1)
	case "asymmetric":
		return x / a.scale
	case "tf_crop_and_resize":
		if a.length == 1 {
			return 0.5 * (a.start + a.end) * float64(a.in-1)
		}
		return a.start*float64(a.in-1) + x*(a.end-a.start)*float64(a.in-1)/(a.length-1)
	case "pytorch_half_pixel":
		if a.length == 1 {
			return 0
		}
	}
	return (x+0.5)/a.scale - 0.5
}

// outside marks the positions of the result that are read outside of x.
func (a resizeAxis) outside() []bool {
	out := make([]bool, a.out)
	for i := range out {
		at := a.source(i)
		out[i] = at < 0 || at > float64(a.in-1)
	}
	return out
}

// tap is one weight of a row of the matrix.
type tap struct {
	at     int
	weight float64
}

// row gives the weights of position i; positions outside of x count as its border.
func (a resizeAxis) row(i int) []tap {
	at := a.source(i)
	if a.mode == "nearest" {
		return []tap{{a.border(a.round(at)), 1}}
	}
	floor := math.Floor(at)
	t := at - floor
	first, weights := int(floor), []float64{1 - t, t}
	if a.mode == "cubic" {
		first, weights = first-1, keys(t, a.cubic)
	}
	total := 1.0
	if a.mode == "cubic" && a.exclude {
		total = 0
		for k := range weights {
			if first+k < 0 || first+k >= a.in {
				weights[k] = 0
			}
			total += weights[k]
		}
	}
	taps := make([]tap, len(weights))
	for k, w := range weights {
		taps[k] = tap{a.border(first + k), w / total}
	}
	return taps
}

func (a resizeAxis) border(at int) int { return min(max(at, 0), a.in-1) }

func (a resizeAxis) round(at float64) int {
	switch a.nearest {
	case "floor":
		return int(math.Floor(at))
	case "ceil":
		return int(math.Ceil(at))
	case "round_prefer_ceil":
		return int(math.Floor(at + 0.5))
	}
	return int(math.Ceil(at - 0.5)) // round_prefer_floor
}

// keys are the weights of the four neighbours at distances 1+t, t, 1-t and 2-t
// under Keys' cubic convolution.
func keys(t, a float64) []float64 {
	near := func(d float64) float64 { return ((a+2)*d-(a+3))*d*d + 1 }
	far := func(d float64) float64 { return ((a*d-5*a)*d+8*a)*d - 4*a }
	return []float64{far(1 + t), near(t), near(1 - t), far(2 - t)}
}

// matrix is the dense form of the weights, [out in].
func (a resizeAxis) matrix() []float64 {
	m := make([]float64, a.out*a.in)
	for i := range a.out {
		for _, w := range a.row(i) {
			m[i*a.in+w.at] += w.weight
		}
	}
	return m
}

// interpolate multiplies the weights onto one axis of x.
func (a resizeAxis) interpolate(x []float64, shape onnxgraph.Shape, axis int) []float64 {
	outer, inner := outerInner(shape, axis)
	y := make([]float64, outer*a.out*inner)
	for i := range a.out {
		for _, w := range a.row(i) {
			for o := range outer {
				from := x[(o*a.in+w.at)*inner:][:inner]
				to := y[(o*a.out+i)*inner:][:inner]
				for k, v := range from {
					to[k] += w.weight * v
				}
			}
		}
	}
	return y
}
