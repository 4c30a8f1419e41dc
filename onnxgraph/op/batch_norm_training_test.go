package op_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func batchNormTraining(x []*onnxgraph.Value) []*onnxgraph.Value {
	return []*onnxgraph.Value{op.BatchNormTraining(x[0], x[1], x[2], 1e-5)}
}

var _ = gradcheck.Add("pmx.BatchNormTraining",
	gradcheck.Case{Name: "5x3", Fn: batchNormTraining, Shapes: [][]int{{5, 3}, {3}, {3}}},
	gradcheck.Case{Name: "2x4", Fn: batchNormTraining, Shapes: [][]int{{2, 4}, {4}, {4}}, Tolerance: 1e-5, // two rows: x̂ is nearly ±1, so f is steep where they are close
		OnlyEval: "dx is 6e-6 at most, what is left of numbers near 1 that cancel: float32 has no five digits of it"},
	gradcheck.Case{Name: "2x4 close", Fn: batchNormTraining, Shapes: [][]int{{2, 4}, {4}, {4}}, Epsilon: 1e-7, // the variance is near ε
		Draw: func(rng *rand.Rand, _ int) float64 { return 3e-3 * rng.NormFloat64() }},
)

// plainBatchNorm normalises columns, as many as scale has elements, in plain Go.
func plainBatchNorm(x, scale, bias []float64) (y, mean, invStd []float64) {
	c := len(scale)
	n := len(x) / c
	y, mean, invStd = make([]float64, len(x)), make([]float64, c), make([]float64, c)
	for k := range c {
		column := make([]float64, n)
		for i := range n {
			column[i] = x[i*c+k]
		}
		m, v := 0.0, 0.0
		for _, a := range column {
			m += a / float64(n)
		}
		for _, a := range column {
			v += (a - m) * (a - m) / float64(n)
		}
		mean[k], invStd[k] = m, 1/math.Sqrt(v+float64(float32(1e-5)))
		for i, a := range column {
			y[i*c+k] = (a-m)*invStd[k]*scale[k] + bias[k]
		}
	}
	return y, mean, invStd
}

func TestBatchNormTraining(t *testing.T) {
	x, scale, bias := random(1, 5, 3), random(2, 3), random(3, 3)
	y, _, _ := plainBatchNorm(x.Float64s(), scale.Float64s(), bias.Float64s())
	same(t, "the columns", evaluate(t, batchNormTraining, x, scale, bias)[0], tensor([]int{5, 3}, y...))
}
