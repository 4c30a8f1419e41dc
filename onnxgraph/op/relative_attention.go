package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// RelativeAttention is Attention among the T = h·w tokens of a grid, row by row, whose
// weights depend also on where a key (y', x') lies from its query (y, x), along each
// axis by itself (arXiv 2112.01526, section 4.1; detectron2's add_decomposed_rel_pos):
//
//	softmax(q kᵀ / √d + q · alongY[y-y'+h-1] + q · alongX[x-x'+w-1]) v
//
// alongY [2h-1 d] and alongX [2w-1 d] are those of all heads. qkv is [B T 3·H·d], the
// result [B T H·d].
func RelativeAttention(qkv, alongY, alongX *onnxgraph.Value, heads int) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{"num_heads": int64(heads)}
	if qkv.Rank() == 3 && heads > 0 {
		attributes["scale"] = float32(1 / math.Sqrt(float64(qkv.Shape[2]/(3*heads))))
	}
	return onnxgraph.Apply("pmx.RelativeAttention", attributes, qkv, alongY, alongX)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "RelativeAttention", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"QKV", "alongY", "alongX"}, Outputs: []string{"Y"},
	Attributes: attentionAttributes,
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		y, err := relativeAttentionType(n, n.Inputs[0], n.Inputs[1:])
		return []onnxgraph.Type{y}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		operands := append([]*onnxgraph.Value{dy[0]}, n.Inputs...)
		return onnxgraph.ApplyNode("pmx.RelativeAttentionGrad", n.Attributes, operands...).Outputs
	}),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		h := headsOf(n, in[0], false)
		return []*onnxgraph.Value{joinHeads(MatMul(relativeOf(h.q, in[1], in[2]).weights(h), h.v))}
	},
})

// relativeAttentionType is the type of the result.
func relativeAttentionType(n *onnxgraph.Node, qkv *onnxgraph.Value, along []*onnxgraph.Value) (onnxgraph.Type, error) {
	y, err := attentionType(n, qkv, false)
	if err != nil {
		return y, err
	}
	width, tokens := y.Shape[2]/n.Attributes.Int("num_heads", 0), 1
	for _, v := range along {
		if v.DType != qkv.DType || !v.Shape.Fits(onnxgraph.Shape{onnxgraph.Dynamic, width}) || v.Shape[0] != onnxgraph.Dynamic && v.Shape[0]%2 != 1 {
			return y, fmt.Errorf("want alongY [2h-1 %d] and alongX [2w-1 %d] of QKV's type", width, width)
		}
		if tokens *= (v.Shape[0] + 1) / 2; v.Shape[0] == onnxgraph.Dynamic {
			return y, nil
		}
	}
	if y.Shape[1] != onnxgraph.Dynamic && y.Shape[1] != tokens {
		return y, fmt.Errorf("%d tokens for alongY %v and alongX %v: want %d", y.Shape[1], along[0].Shape, along[1].Shape, tokens)
	}
	y.Shape[1] = tokens
	return y, nil
}

// relative is how queries on a grid h by w see keys by their distance.
type relative struct {
	h, w     *onnxgraph.Value // int64 [1]
	q        *onnxgraph.Value // [B H h w d]
	byY, byX *onnxgraph.Value // vectors of query and key position, [h h d] and [w w d]
}

func relativeOf(q, alongY, alongX *onnxgraph.Value) relative {
	r := relative{h: halfOf(alongY), w: halfOf(alongX)}
	r.q = ReshapeTo(q, Concat(0, Ints(q, 0, 0), r.h, r.w, Ints(q, -1)))
	r.byY, r.byX = Gather(alongY, distances(r.h), 0), Gather(alongX, distances(r.w), 0)
	return r
}

// halfOf is the number of positions whose distances v [2n-1 d] lists: n.
func halfOf(v *onnxgraph.Value) *onnxgraph.Value {
	return Div(Add(ShapeOf(v, 0, 1), Ints(v, 1)), Ints(v, 2))
}

// distances are query - key + n-1 of n positions, [n n].
func distances(n *onnxgraph.Value) *onnxgraph.Value {
	i := upTo(n)
	return Add(Sub(Unsqueeze(i, 1), i), Sub(n, Ints(n, 1)))
}

// weights is the attention weights, [B H T T].
func (r relative) weights(h heads) *onnxgraph.Value {
	keysLast := func(v *onnxgraph.Value) *onnxgraph.Value { return Transpose(v, 0, 2, 1) }
	scoreY := MatMul(r.q, keysLast(r.byY))                           // [B H h w h']
	scoreX := rowsColumns(MatMul(rowsColumns(r.q), keysLast(r.byX))) // [B H h w w']
	scores := MatMul(Mul(h.q, h.scale), Transpose(h.k, 0, 1, 3, 2))
	whole := Add(Add(r.apart(scores), Unsqueeze(scoreY, 5)), Unsqueeze(scoreX, 4))
	return Softmax(ReshapeTo(whole, Shape(scores)), -1)
}

// apart is scores [B H T T] as [B H h w h' w'].
func (r relative) apart(scores *onnxgraph.Value) *onnxgraph.Value {
	return ReshapeTo(scores, Concat(0, Ints(scores, 0, 0), r.h, r.w, r.h, r.w))
}

// rowsColumns exchanges the axes of a grid [B H h w ...], which has five dimensions.
func rowsColumns(v *onnxgraph.Value) *onnxgraph.Value { return Transpose(v, 0, 1, 3, 2, 4) }
