package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Softmax returns y = eˣ / Σ eˣ along one axis. dx = y ⊙ (dy - Σ dy ⊙ y), by
// SoftmaxGrad where the axis is the last.
// https://onnx.ai/onnx/operators/onnx__Softmax.html
func Softmax(x *onnxgraph.Value, axis int) *onnxgraph.Value {
	return onnxgraph.Apply("Softmax", onnxgraph.Attributes{"axis": int64(axis)}, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Softmax", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: floatOnly(sameTypeAlongAxis),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		y, axis := n.Outputs[0], n.Attributes.Int("axis", -1)
		if axis == -1 || axis == y.Rank()-1 {
			return []*onnxgraph.Value{SoftmaxGrad(dy[0], y)}
		}
		return []*onnxgraph.Value{Mul(y, Sub(dy[0], ReduceSum(Mul(dy[0], y), true, axis)))}
	}),
	Eval: alongAxis(func(x, y []float64) {
		top := maxOf(x)
		sum := 0.0
		for i, v := range x {
			y[i] = math.Exp(v - top)
			sum += y[i]
		}
		for i := range y {
			y[i] /= sum
		}
	}),
})

// sameTypeAlongAxis infers one output of the input's type and checks the axis.
func sameTypeAlongAxis(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	if _, err := axisOf(n.Attributes.Int("axis", -1), n.Inputs[0].Rank()); err != nil {
		return nil, err
	}
	return sameType(n)
}

// alongAxis evaluates f on every vector that lies along the attribute axis.
func alongAxis(f func(x, y []float64)) evalFunc {
	return func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		if in[0].DType() != onnxgraph.Float64 {
			return nil, fmt.Errorf("Eval takes floats here, got %v", in[0].DType())
		}
		shape := in[0].Shape()
		axis, err := axisOf(n.Attributes.Int("axis", -1), len(shape))
		if err != nil {
			return nil, err
		}
		x := onnxgraph.Data[float64](in[0])
		y := make([]float64, len(x))
		length := shape[axis]
		outer, inner := outerInner(shape, axis)
		if inner == 1 {
			for i := range outer {
				f(x[i*length:(i+1)*length], y[i*length:(i+1)*length])
			}
			return one(onnxgraph.NewTensor(shape, y))
		}
		lineX, lineY := make([]float64, length), make([]float64, length)
		for i := range outer {
			for j := range inner {
				start := i*length*inner + j
				for k := range lineX {
					lineX[k] = x[start+k*inner]
				}
				f(lineX, lineY)
				for k, v := range lineY {
					y[start+k*inner] = v
				}
			}
		}
		return one(onnxgraph.NewTensor(shape, y))
	}
}

func maxOf(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	return top
}
