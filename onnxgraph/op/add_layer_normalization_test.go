package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// addLayerNormalization gives the outputs that keep says: the sum, the norm.
func addLayerNormalization(keep ...int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value {
		sum, y := op.AddLayerNormalization(x[0], x[1], x[2], x[3], 1e-6)
		var out []*onnxgraph.Value
		for _, k := range keep {
			out = append(out, []*onnxgraph.Value{sum, y}[k])
		}
		return out
	}
}

var _ = gradcheck.Add("pmx.AddLayerNormalization",
	gradcheck.Case{Name: "both", Fn: addLayerNormalization(0, 1), Shapes: [][]int{{2, 3, 4}, {2, 3, 4}, {4}, {4}}},
	gradcheck.Case{Name: "norm", Fn: addLayerNormalization(1), Shapes: [][]int{{5, 4}, {5, 4}, {4}, {4}}},
	gradcheck.Case{Name: "sum", Fn: addLayerNormalization(0), Shapes: [][]int{{5, 4}, {5, 4}, {4}, {4}}},
)

// plainNorm normalises rows as long as scale, in plain Go.
func plainNorm(x, scale, bias []float64) (y, mean, invStd []float64) {
	d := len(scale)
	for at := 0; at < len(x); at += d {
		m, v := 0.0, 0.0
		for _, a := range x[at : at+d] {
			m += a / float64(d)
		}
		for _, a := range x[at : at+d] {
			v += (a - m) * (a - m) / float64(d)
		}
		inverse := 1 / math.Sqrt(v+float64(float32(1e-6)))
		for k, a := range x[at : at+d] {
			y = append(y, (a-m)*inverse*scale[k]+bias[k])
		}
		mean, invStd = append(mean, m), append(invStd, inverse)
	}
	return y, mean, invStd
}

func TestAddLayerNormalization(t *testing.T) {
	x, r, scale, bias := random(1, 3, 4), random(2, 3, 4), random(3, 4), random(4, 4)
	sum := make([]float64, x.Size())
	for i := range sum {
		sum[i] = x.Float64s()[i] + r.Float64s()[i]
	}
	y, _, _ := plainNorm(sum, scale.Float64s(), bias.Float64s())
	out := evaluate(t, addLayerNormalization(0, 1), x, r, scale, bias)
	same(t, "the sum", out[0], tensor([]int{3, 4}, sum...))
	same(t, "its norm", out[1], tensor([]int{3, 4}, y...))
}
