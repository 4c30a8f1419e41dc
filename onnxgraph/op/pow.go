package op

import (
	"math"

	"pmx/onnxgraph"
)

// Pow returns z = xʸ with broadcasting, of the element type of x; y may be of
// another numeric type.
//
//	dx = dz ⊙ y ⊙ xʸ⁻¹   (0 where y = 0)
//	dy = dz ⊙ z ⊙ ln x   (0 where x = 0, NaN where x < 0)
//
// https://onnx.ai/onnx/operators/onnx__Pow.html
func Pow(x, y *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Pow", nil, x, y) }

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Pow", SinceVersion: 15, Inputs: []string{"X", "Y"}, Outputs: []string{"Z"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		shape, err := onnxgraph.Broadcast(n.Inputs[0].Shape, n.Inputs[1].Shape)
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: shape}}, err
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dz []*onnxgraph.Value) []*onnxgraph.Value {
		x, y, z := n.Inputs[0], n.Inputs[1], n.Outputs[0]
		exponent := y
		if y.DType != x.DType {
			exponent = Cast(y, x.DType)
		}
		zero, unit := Scalar(x, 0), Scalar(x, 1)
		slope := Mul(exponent, Pow(x, Sub(exponent, unit)))
		// 0·0⁻¹ is NaN, yet x⁰ is constant.
		dx := Mul(dz[0], Where(Equal(exponent, zero), zero, slope))
		if !y.DType.IsFloat() {
			return []*onnxgraph.Value{dx, nil}
		}
		logX := Log(Where(Equal(x, zero), unit, x))
		dy := Mul(dz[0], Mul(z, logX))
		if y.DType != x.DType {
			dy = Cast(dy, y.DType)
		}
		return []*onnxgraph.Value{dx, dy}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		x := onnxgraph.NewTensor(in[0].Shape(), in[0].Float64s())
		y := onnxgraph.NewTensor(in[1].Shape(), in[1].Float64s())
		z, err := broadcastMap(x, y, math.Pow)
		if err != nil {
			return nil, err
		}
		return alone(castTo(z, in[0].DType()))
	},
})
