package op_test

import (
	"slices"
	"testing"

	"pmx/onnxgraph/gradcheck"
)

var _ = gradcheck.Add("pmx.AddLayerNormalizationGrad",
	gradcheck.Case{Name: "2x3x4", Fn: applied("pmx.AddLayerNormalizationGrad"), Draw: positive,
		Shapes: [][]int{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}, {4}, {2, 3, 1}, {2, 3, 1}}},
)

// TestAddLayerNormalizationGrad takes the cotangents of the sum and of its norm back
// to the sum, and that of the norm to scale and bias.
func TestAddLayerNormalizationGrad(t *testing.T) {
	s, scale, bias, ds, dy := random(1, 3, 4), random(2, 4), random(3, 4), random(4, 3, 4), random(5, 3, 4)
	norm := func(s, scale, bias []float64) []float64 {
		y, _, _ := plainNorm(s, scale, bias)
		return y
	}
	x, w, b := s.Float64s(), scale.Float64s(), bias.Float64s()
	_, mean, invStd := plainNorm(x, w, b)
	out := evaluate(t, applied("pmx.AddLayerNormalizationGrad"), ds, dy, s, scale, tensor([]int{3, 1}, mean...), tensor([]int{3, 1}, invStd...))
	both := row(slices.Concat(ds.Float64s(), dy.Float64s())...)
	isGradient(t, func(x []float64) []float64 { return slices.Concat(x, norm(x, w, b)) }, s, both, out[0])
	isGradient(t, func(w []float64) []float64 { return norm(x, w, b) }, scale, dy, out[1])
	isGradient(t, func(b []float64) []float64 { return norm(x, w, b) }, bias, dy, out[2])
}
