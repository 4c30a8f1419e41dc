package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func attention(f func(*onnxgraph.Value, int) *onnxgraph.Value, heads int) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return f(x, heads) })
}

var _ = gradcheck.Add("pmx.Attention",
	gradcheck.Case{Name: "1head", Fn: attention(op.Attention, 1), Shapes: [][]int{{2, 3, 12}}},
	gradcheck.Case{Name: "3heads", Fn: attention(op.Attention, 3), Shapes: [][]int{{2, 5, 18}}},
	gradcheck.Case{Name: "oneToken", Fn: attention(op.Attention, 2), Shapes: [][]int{{3, 1, 12}}},
)

// The attention that is compared: qkv [batch tokens 3·heads·d]. The scale 1/√d is
// exact in float32, as attributes are.
const attentionBatch, attentionTokens, attentionHeads, attentionWidth = 2, 5, 3, 4

// plainAttention is what the first tokens of each image, as many as asked for, get
// from attention, in plain Go: [batch queries heads·d].
func plainAttention(qkv []float64, queries int) (y []float64) {
	const dim = attentionHeads * attentionWidth
	// at is element e of a head's query (0), key (1) or value (2) of a token.
	at := func(image, token, which, head, e int) float64 {
		return qkv[((image*attentionTokens+token)*3+which)*dim+head*attentionWidth+e]
	}
	for image := range attentionBatch {
		for query := range queries {
			for head := range attentionHeads {
				weights, sum := make([]float64, attentionTokens), 0.0
				for key := range weights {
					score := 0.0
					for e := range attentionWidth {
						score += at(image, query, 0, head, e) * at(image, key, 1, head, e)
					}
					weights[key] = math.Exp(score / math.Sqrt(attentionWidth))
					sum += weights[key]
				}
				for e := range attentionWidth {
					mean := 0.0
					for key, w := range weights {
						mean += w / sum * at(image, key, 2, head, e)
					}
					y = append(y, mean)
				}
			}
		}
	}
	return y
}

func attentionOperand() *onnxgraph.Tensor {
	return random(1, attentionBatch, attentionTokens, 3*attentionHeads*attentionWidth)
}

// checkAttention compares the operator with plainAttention.
func checkAttention(t *testing.T, f func(*onnxgraph.Value, int) *onnxgraph.Value, queries int) {
	t.Helper()
	qkv := attentionOperand()
	want := tensor([]int{attentionBatch, queries, attentionHeads * attentionWidth}, plainAttention(qkv.Float64s(), queries)...)
	got := evaluate(t, attention(f, attentionHeads), qkv)[0]
	same(t, "what the tokens get", got, want)
}

// checkAttentionGrad compares the gradient operator with plainAttention's slope.
func checkAttentionGrad(t *testing.T, id string, queries int) {
	t.Helper()
	qkv, dy := attentionOperand(), random(2, attentionBatch, queries, attentionHeads*attentionWidth)
	scale := 1 / math.Sqrt(attentionWidth)
	out := evaluate(t, func(x []*onnxgraph.Value) []*onnxgraph.Value {
		return onnxgraph.ApplyNode(id, onnxgraph.Attributes{"num_heads": int64(attentionHeads), "scale": float32(scale)}, x...).Outputs
	}, dy, qkv)
	isGradient(t, func(qkv []float64) []float64 { return plainAttention(qkv, queries) }, qkv, dy, out[0])
}

func TestAttention(t *testing.T) { checkAttention(t, op.Attention, attentionTokens) }
