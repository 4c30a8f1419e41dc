package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Range returns start, start+delta, ... up to, but without, limit: a vector whose
// length is known when the model runs unless all three scalars are constants.
// https://onnx.ai/onnx/operators/onnx__Range.html
func Range(start, limit, delta *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("Range", nil, start, limit, delta)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Range", SinceVersion: 11, Inputs: []string{"start", "limit", "delta"}, Outputs: []string{"output"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		length := 0
		ends := make([]*onnxgraph.Tensor, 3)
		for i, x := range n.Inputs {
			if err := sameDType(n.Inputs[0].Type, x.Type); err != nil {
				return nil, err
			}
			if x.Rank() != 0 {
				return nil, fmt.Errorf("%s is of shape %v, want a scalar", n.Op.Inputs[i], x.Shape)
			}
			if ends[i] = x.Constant(); ends[i] == nil {
				length = onnxgraph.Dynamic
			}
		}
		if length != onnxgraph.Dynamic {
			var err error
			if length, err = rangeLength(ends); err != nil {
				return nil, err
			}
		}
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: onnxgraph.Shape{length}}}, nil
	}),
	Grad: onnxgraph.NotDifferentiable("Range counts; scale a constant range instead"),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		length, err := rangeLength(in)
		if err != nil {
			return nil, err
		}
		start, delta := in[0].Float64s()[0], in[2].Float64s()[0]
		out := make([]float64, length)
		for i := range out {
			out[i] = start + float64(i)*delta
		}
		return alone(castTo(onnxgraph.NewTensor([]int{length}, out), in[0].DType()))
	},
})

// upTo counts 0, 1, ... up to, but without, n, an int64 vector of one number.
func upTo(n *onnxgraph.Value) *onnxgraph.Value {
	return Range(Scalar(n, 0), Reshape(n), Scalar(n, 1))
}

// rangeLength is max(0, ceil((limit - start) / delta)).
func rangeLength(in []*onnxgraph.Tensor) (int, error) {
	start, limit, delta := in[0].Float64s()[0], in[1].Float64s()[0], in[2].Float64s()[0]
	length := math.Ceil((limit - start) / delta)
	if delta == 0 || !(length < math.MaxInt32) {
		return 0, fmt.Errorf("no range from %g to %g by %g", start, limit, delta)
	}
	return max(0, int(length)), nil
}
