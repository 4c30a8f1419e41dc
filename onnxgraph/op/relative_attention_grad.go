package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// RelativeAttentionGrad returns dQKV, dAlongY and dAlongX of RelativeAttention. With S
// the scores, P = softmax(S), and dS summed over the columns (rows) of keys as dSʸ (dSˣ):
//
//	dV = Pᵀ dY,  dP = dY Vᵀ,  dS = P ⊙ (dP - Σ dP ⊙ P),  dK = dSᵀ Q/√d
//	dQ = dS K/√d + dSʸ alongY[y-y'+h-1] + dSˣ alongX[x-x'+w-1]
//	dAlongY[i] = Σ dSʸ q over y-y'+h-1 = i,  dAlongX likewise
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "RelativeAttentionGrad", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dY", "QKV", "alongY", "alongX"}, Outputs: []string{"dQKV", "dAlongY", "dAlongX"},
	Attributes: attentionAttributes,
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		dy, qkv := n.Inputs[0], n.Inputs[1]
		y, err := relativeAttentionType(n, qkv, n.Inputs[2:])
		if err == nil && (dy.DType != y.DType || !dy.Shape.Fits(y.Shape)) {
			err = fmt.Errorf("want dY %v, got %v", y, dy.Type)
		}
		return []onnxgraph.Type{qkv.Type, n.Inputs[2].Type, n.Inputs[3].Type}, err
	},
	Grad: onnxgraph.NotDifferentiable("second derivatives of attention are not needed"),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		h := headsOf(n, in[1], false)
		r := relativeOf(h.q, in[2], in[3])
		p := r.weights(h)
		dy := Transpose(ReshapeTo(in[0], vector(Ints(p, 0, 0), h.number, Ints(p, -1))), 0, 2, 1, 3)
		dv := MatMul(Transpose(p, 0, 1, 3, 2), dy)
		ds := SoftmaxGrad(MatMul(dy, Transpose(h.v, 0, 1, 3, 2)), p)
		byKey := r.apart(ds)
		dsY, dsX := ReduceSum(byKey, false, 5), rowsColumns(ReduceSum(byKey, false, 4)) // [B H h w h'], [B H w h w']
		near := Add(MatMul(dsY, r.byY), rowsColumns(MatMul(dsX, r.byX)))
		dq := Add(Mul(MatMul(ds, h.k), h.scale), ReshapeTo(near, Shape(h.q)))
		dk := MatMul(Transpose(ds, 0, 1, 3, 2), Mul(h.q, h.scale))
		return []*onnxgraph.Value{joinQKV(dq, dk, dv), distanceGrad(dsY, r.q, r.h), distanceGrad(dsX, rowsColumns(r.q), r.w)}
	},
})

// distanceGrad is the cotangent of the vectors of an axis, [2n-1 d], from that of the
// scores, ds [B H n m n'], and the queries [B H n m d]: a product for each position of
// the axis, and the sum of those that belong to one distance.
func distanceGrad(ds, q, n *onnxgraph.Value) *onnxgraph.Value {
	ds, q = Transpose(ds, 2, 4, 0, 1, 3), Transpose(q, 2, 0, 1, 3, 4)                                              // [n n' B H m], [n B H m d]
	ds, q = ReshapeTo(ds, Concat(0, n, n, Ints(n, -1))), ReshapeTo(q, Concat(0, n, Ints(n, -1), ShapeOf(q, 4, 5))) // [n n' B·H·m], [n B·H·m d]
	byPosition := ReshapeTo(MatMul(ds, q), Concat(0, Mul(n, n), Ints(n, -1)))                                      // [n·n d]
	list := upTo(Sub(Add(n, n), Ints(n, 1)))
	belongs := Equal(Unsqueeze(list, 1), Reshape(distances(n), 1, -1)) // [2n-1 n·n]
	return MatMul(Cast(belongs, ds.DType), byPosition)
}
