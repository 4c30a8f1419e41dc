package op_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func layerNorm(x []*onnxgraph.Value) []*onnxgraph.Value {
	return []*onnxgraph.Value{op.PMXLayerNorm(x[0], x[1], x[2], 1e-6)}
}

var _ = gradcheck.Add("pmx.LayerNorm",
	gradcheck.Case{Name: "rows", Fn: layerNorm, Shapes: [][]int{{5, 4}, {4}, {4}}},
	gradcheck.Case{Name: "tokens", Fn: layerNorm, Shapes: [][]int{{2, 3, 4}, {4}, {4}}},
)

func TestLayerNorm(t *testing.T) {
	x, scale, bias := random(1, 3, 4), random(2, 4), random(3, 4)
	y, _, _ := plainNorm(x.Float64s(), scale.Float64s(), bias.Float64s())
	same(t, "the norm", evaluate(t, layerNorm, x, scale, bias)[0], tensor([]int{3, 4}, y...))
}
