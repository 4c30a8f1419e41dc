package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// BatchNormalization normalises each channel of x [N C ...] by given statistics,
// the inference form (arXiv 1502.03167): with x̂ = (x - mean) / √(var + ε),
//
//	y = x̂ ⊙ scale + bias
//	dX = dY ⊙ scale / √(var + ε),  dscale = Σ dY ⊙ x̂,  dbias = Σ dY,
//	dmean = -Σ dX,  dvar = -½ Σ dX ⊙ x̂ / √(var + ε)
//
// where Σ goes over all but the channels, which scale, bias, mean and variance
// [C] are for. The form that trains, with statistics of the batch, is
// BatchNormTraining.
// https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
func BatchNormalization(x, scale, bias, mean, variance *onnxgraph.Value, epsilon float64) *onnxgraph.Value {
	return onnxgraph.Apply("BatchNormalization", onnxgraph.Attributes{"epsilon": float32(epsilon)}, x, scale, bias, mean, variance)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "BatchNormalization", SinceVersion: 15,
	Inputs:  []string{"X", "scale", "B", "input_mean", "input_var"},
	Outputs: []string{"Y", "running_mean", "running_var"},
	Infer: floatOnly(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0].Type
		if len(x.Shape) < 2 {
			return nil, fmt.Errorf("want X [N C ...], got %v", x.Shape)
		}
		for _, v := range n.Inputs[1:] {
			if !v.Shape.Fits(x.Shape[1:2]) {
				return nil, fmt.Errorf("%s is %v, want [%d], one for each channel", v.Name, v.Shape, x.Shape[1])
			}
		}
		if n.Attributes.Int("training_mode", 0) == 0 {
			return []onnxgraph.Type{x}, nil
		}
		return []onnxgraph.Type{x, n.Inputs[3].Type, n.Inputs[4].Type}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if n.Attributes.Int("training_mode", 0) != 0 {
			onnxgraph.Fail("BatchNormalization", n.Inputs, "no gradient in training mode: use BatchNormTraining")
		}
		x := n.Inputs[0]
		perChannel := func(v *onnxgraph.Value) *onnxgraph.Value {
			if x.Rank() == 2 { // [C] broadcasts as it is
				return v
			}
			return Unsqueeze(v, span(x.Rank() - 1)[1:]...)
		}
		over := append([]int{0}, span(x.Rank())[2:]...)
		scale, mean, variance := n.Inputs[1], n.Inputs[3], n.Inputs[4]
		invStd := Reciprocal(Sqrt(Add(variance, Scalar(x, n.Attributes.Float("epsilon", 1e-5)))))
		normalised := Mul(Sub(x, perChannel(mean)), perChannel(invStd))
		dscale := ReduceSum(Mul(dy[0], normalised), false, over...)
		dbias := ReduceSum(dy[0], false, over...)
		slope := Mul(scale, invStd)
		dmean := Neg(Mul(dbias, slope))
		dvar := Mul(Mul(Mul(dscale, slope), invStd), Scalar(x, -0.5))
		return []*onnxgraph.Value{Mul(dy[0], perChannel(slope)), dscale, dbias, dmean, dvar}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape := in[0].Shape()
		x, scale, bias := onnxgraph.Data[float64](in[0]), onnxgraph.Data[float64](in[1]), onnxgraph.Data[float64](in[2])
		mean, variance := onnxgraph.Data[float64](in[3]), onnxgraph.Data[float64](in[4])
		channels, inner := shape[1], shape[2:].Size()
		training := n.Attributes.Int("training_mode", 0) != 0
		running := make([]*onnxgraph.Tensor, 0, 2)
		if training {
			batchMean, batchVariance := channelStatistics(x, shape[0], channels, inner)
			momentum := n.Attributes.Float("momentum", 0.9)
			for i, pair := range [][2][]float64{{mean, batchMean}, {variance, batchVariance}} {
				next := make([]float64, channels)
				for c := range next {
					next[c] = momentum*pair[0][c] + (1-momentum)*pair[1][c]
				}
				running = append(running, onnxgraph.NewTensor(in[3+i].Shape(), next))
			}
			mean, variance = batchMean, batchVariance
		}
		epsilon := n.Attributes.Float("epsilon", 1e-5)
		y := make([]float64, len(x))
		for i := range shape[0] * channels {
			c := i % channels
			slope := scale[c] / math.Sqrt(variance[c]+epsilon)
			for k := i * inner; k < (i+1)*inner; k++ {
				y[k] = (x[k]-mean[c])*slope + bias[c]
			}
		}
		return append([]*onnxgraph.Tensor{onnxgraph.NewTensor(shape, y)}, running...), nil
	},
})

// channelStatistics gives the mean and the population variance of each channel.
func channelStatistics(x []float64, batch, channels, inner int) (mean, variance []float64) {
	mean, variance = make([]float64, channels), make([]float64, channels)
	count := float64(batch * inner)
	for i := range batch * channels {
		for _, v := range x[i*inner : (i+1)*inner] {
			mean[i%channels] += v / count
		}
	}
	for i := range batch * channels {
		for _, v := range x[i*inner : (i+1)*inner] {
			d := v - mean[i%channels]
			variance[i%channels] += d * d / count
		}
	}
	return mean, variance
}
