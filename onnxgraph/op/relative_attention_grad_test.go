package op_test

import (
	"testing"

	"pmx/onnxgraph"
)

// TestRelativeAttentionGrad: where no vector of distances is, the gradient of the
// projections is that of Attention.
func TestRelativeAttentionGrad(t *testing.T) {
	f := func(id string) func(x []*onnxgraph.Value) []*onnxgraph.Value {
		return func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return onnxgraph.ApplyNode(id, onnxgraph.Attributes{"num_heads": int64(3), "scale": float32(0.5)}, x...).Outputs
		}
	}
	dy, qkv := random(1, 2, 6, 3*4), random(2, 2, 6, 3*3*4)
	none := func(n int) *onnxgraph.Tensor { return onnxgraph.Zeros(onnxgraph.Float64, []int{n, 4}) }
	want := evaluate(t, f("pmx.AttentionGrad"), dy, qkv)[0]
	same(t, "dQKV", evaluate(t, f("pmx.RelativeAttentionGrad"), dy, qkv, none(3), none(5))[0], want)
}
