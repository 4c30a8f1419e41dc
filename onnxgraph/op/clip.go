package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Clip limits x to [lo, hi], two scalars that may be nil. dx = dy where x is
// within, the limits included, else 0. Nothing flows to the limits, as ONNX says.
// https://onnx.ai/onnx/operators/onnx__Clip.html
func Clip(x, lo, hi *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("Clip", nil, x, lo, hi)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Clip", SinceVersion: 13, Inputs: []string{"input", "min?", "max?"}, Outputs: []string{"output"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		for _, limit := range n.Inputs[1:] {
			if limit == nil {
				continue
			}
			if err := sameDType(n.Inputs[0].Type, limit.Type); err != nil {
				return nil, err
			}
			if limit.Rank() != 0 {
				return nil, fmt.Errorf("the limit %s is of shape %v, want a scalar", limit.Name, limit.Shape)
			}
		}
		return sameType(n)
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		dx[0] = Where(Equal(n.Inputs[0], n.Outputs[0]), dy[0], Scalar(dy[0], 0))
		return dx
	}),
	// min(max(x, lo), hi): where lo > hi the result is hi, as the specification says.
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		y := in[0]
		var err error
		if len(in) > 1 && in[1] != nil {
			if y, err = pairwise(y, in[1], math.Max, largerInt); err != nil {
				return nil, err
			}
		}
		if len(in) > 2 && in[2] != nil {
			if y, err = pairwise(y, in[2], math.Min, smallerInt); err != nil {
				return nil, err
			}
		}
		return one(y)
	},
})

func largerInt(a, b int64) int64  { return max(a, b) }
func smallerInt(a, b int64) int64 { return min(a, b) }
