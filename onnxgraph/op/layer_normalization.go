package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// LayerNormalization normalises over the last dimension (arXiv 1607.06450):
//
//	y = (x - mean) · invStdDev ⊙ scale + bias,  invStdDev = 1/√(var + ε)
//
// with the population variance. scale and bias are [D], bias may be nil; mean and
// invStdDev have the last dimension 1. The gradient comes from
// LayerNormalizationGrad and flows through y only.
// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
func LayerNormalization(x, scale, bias *onnxgraph.Value, epsilon float64) (y, mean, invStdDev *onnxgraph.Value) {
	return layerNormalization(x, scale, bias, float32(epsilon))
}

// layerNormalization takes epsilon as attributes have it.
func layerNormalization(x, scale, bias *onnxgraph.Value, epsilon any) (y, mean, invStdDev *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("LayerNormalization", onnxgraph.Attributes{"axis": int64(-1), "epsilon": epsilon}, x, scale, bias)
	return n.Outputs[0], n.Outputs[1], n.Outputs[2]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LayerNormalization", SinceVersion: 17, Inputs: []string{"X", "Scale", "B?"}, Outputs: []string{"Y", "Mean?", "InvStdDev?"},
	Infer: floatOnly(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0].Type
		axis, err := axisOf(n.Attributes.Int("axis", -1), len(x.Shape))
		if err != nil {
			return nil, err
		}
		for _, v := range n.Inputs[1:] {
			if err := sameDType(x, v.Type); err != nil {
				return nil, err
			}
			if all, err := onnxgraph.Broadcast(x.Shape[axis:], v.Shape); err != nil || len(all) != len(x.Shape)-axis || all.Static() && x.Shape[axis:].Static() && !all.Equal(x.Shape[axis:]) {
				return nil, fmt.Errorf("%v does not fit the normalised dimensions %v", v.Shape, x.Shape[axis:])
			}
		}
		statistics := x.Shape.Clone()
		for i := axis; i < len(statistics); i++ {
			statistics[i] = 1
		}
		saved := onnxgraph.Type{DType: x.DType, Shape: statistics}
		return []onnxgraph.Type{x, saved, saved}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		x, scale := n.Inputs[0], n.Inputs[1]
		axis, _ := axisOf(n.Attributes.Int("axis", -1), x.Rank())
		if axis != x.Rank()-1 || !scale.Shape.Equal(x.Shape[axis:]) {
			onnxgraph.Fail("LayerNormalization", n.Inputs, "the gradient takes axis -1 and a scale of the last dimension: flatten the others")
		}
		if dy[1] != nil || dy[2] != nil {
			onnxgraph.Fail("LayerNormalization", n.Inputs, "no gradient through the saved statistics: take it through Y")
		}
		dx, dscale, dbias := LayerNormalizationGrad(dy[0], x, scale, n.Outputs[1], n.Outputs[2])
		return []*onnxgraph.Value{dx, dscale, dbias}[:len(n.Inputs)]
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape := in[0].Shape()
		axis, err := axisOf(n.Attributes.Int("axis", -1), len(shape))
		if err != nil {
			return nil, err
		}
		x := onnxgraph.Data[float64](in[0])
		rows, width := shape[:axis].Size(), shape[axis:].Size()
		y, mean, invStd := make([]float64, len(x)), make([]float64, rows), make([]float64, rows)
		epsilon := n.Attributes.Float("epsilon", 1e-5)
		for i := range rows {
			row := x[i*width : (i+1)*width]
			sum, squares := 0.0, 0.0
			for _, v := range row {
				sum += v
			}
			mean[i] = sum / float64(width)
			for _, v := range row {
				squares += (v - mean[i]) * (v - mean[i])
			}
			invStd[i] = 1 / math.Sqrt(squares/float64(width)+epsilon)
			for k, v := range row {
				y[i*width+k] = (v - mean[i]) * invStd[i]
			}
		}
		out, err := broadcastMap(onnxgraph.NewTensor(shape, y), in[1], func(y, scale float64) float64 { return y * scale })
		if err == nil && len(in) > 2 {
			out, err = broadcastMap(out, in[2], func(y, bias float64) float64 { return y + bias })
		}
		if err != nil {
			return nil, err
		}
		saved := shape.Clone()
		for i := axis; i < len(saved); i++ {
			saved[i] = 1
		}
		return []*onnxgraph.Tensor{out, onnxgraph.NewTensor(saved, mean), onnxgraph.NewTensor(saved, invStd)}, nil
	},
})
