package op

import (
	"math"

	"pmx/onnxgraph"
)

// LogSoftmax returns y = x - ln Σ eˣ along one axis. dx = dy - eʸ Σ dy, by
// LogSoftmaxGrad where the axis is the last.
// https://onnx.ai/onnx/operators/onnx__LogSoftmax.html
func LogSoftmax(x *onnxgraph.Value, axis int) *onnxgraph.Value {
	return onnxgraph.Apply("LogSoftmax", onnxgraph.Attributes{"axis": int64(axis)}, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "LogSoftmax", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: floatOnly(sameTypeAlongAxis),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		y, axis := n.Outputs[0], n.Attributes.Int("axis", -1)
		if axis == -1 || axis == y.Rank()-1 {
			return []*onnxgraph.Value{LogSoftmaxGrad(dy[0], y)}
		}
		return []*onnxgraph.Value{Sub(dy[0], Mul(Exp(y), ReduceSum(dy[0], true, axis)))}
	}),
	Eval: alongAxis(func(x, y []float64) {
		top := maxOf(x)
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(v - top)
		}
		logSum := top + math.Log(sum)
		for i, v := range x {
			y[i] = v - logSum
		}
	}),
})
