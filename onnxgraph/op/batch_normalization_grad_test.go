package op_test

import "testing"

func TestBatchNormalizationGrad(t *testing.T) {
	x, scale, bias, dy := random(1, 5, 3), random(2, 3), random(3, 3), random(4, 5, 3)
	norm := func(x, scale, bias []float64) []float64 {
		y, _, _ := plainBatchNorm(x, scale, bias)
		return y
	}
	a, w, b := x.Float64s(), scale.Float64s(), bias.Float64s()
	_, mean, invStd := plainBatchNorm(a, w, b)
	out := evaluate(t, applied("com.microsoft.BatchNormalizationGrad"), dy, x, scale, row(mean...), row(invStd...))
	isGradient(t, func(a []float64) []float64 { return norm(a, w, b) }, x, dy, out[0])
	isGradient(t, func(w []float64) []float64 { return norm(a, w, b) }, scale, dy, out[1])
	isGradient(t, func(b []float64) []float64 { return norm(a, w, b) }, bias, dy, out[2])
}
