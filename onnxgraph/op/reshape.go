package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Reshape gives x another shape with the same elements in the same order. A
// dimension of 0 is copied from x, one dimension of -1 is inferred.
// dx = reshape(dy, shape of x).
// https://onnx.ai/onnx/operators/onnx__Reshape.html
func Reshape(x *onnxgraph.Value, shape ...int) *onnxgraph.Value {
	return ReshapeTo(x, Ints(x, shape...))
}

// ReshapeTo is Reshape to a shape that the graph computes, an int64 vector.
func ReshapeTo(x, shape *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("Reshape", nil, x, shape)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Reshape", SinceVersion: 14, Inputs: []string{"data", "shape"}, Outputs: []string{"reshaped"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		if n.Inputs[1].Constant() == nil { // computed in the graph: only the rank is known
			shape, err := shapeFrom(n, 1)
			return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, err
		}
		want, err := constInts(n, 1)
		if err != nil {
			return nil, err
		}
		shape, err := reshaped(x.Shape, want, n.Attributes.Int("allowzero", 0) == 1)
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Reshape(dy[0], n.Inputs[0].Shape...), nil}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape, err := reshaped(in[0].Shape(), toInts(in[1]), n.Attributes.Int("allowzero", 0) == 1)
		if err != nil {
			return nil, err
		}
		return one(in[0].WithShape(shape))
	},
})

// reshaped resolves 0 (copy) and -1 (infer). Where from has Dynamic dimensions,
// an inferred dimension is Dynamic unless the known factors fix it.
func reshaped(from onnxgraph.Shape, want []int, zeroIsZero bool) (onnxgraph.Shape, error) {
	out := make(onnxgraph.Shape, len(want))
	inferred, known, copied := -1, 1, map[int]bool{}
	for i, d := range want {
		switch {
		case d == 0 && !zeroIsZero:
			if i >= len(from) {
				return nil, fmt.Errorf("cannot reshape %v to %v: dimension %d has nothing to copy", from, want, i)
			}
			out[i], copied[i] = from[i], true
		case d == -1 && inferred >= 0:
			return nil, fmt.Errorf("cannot reshape to %v: two dimensions are -1", want)
		case d == -1:
			inferred = i
			continue
		case d < 0:
			return nil, fmt.Errorf("cannot reshape to %v: dimension %d is negative", want, i)
		default:
			out[i] = d
		}
		if out[i] > 0 && known > math.MaxInt/out[i] {
			return nil, fmt.Errorf("cannot reshape to %v: it has more elements than an int counts", want)
		}
		if out[i] != onnxgraph.Dynamic {
			known *= out[i]
		}
	}
	if !from.Static() {
		rest, dynamic := 1, 0
		for i, d := range from {
			switch {
			case d != onnxgraph.Dynamic:
				rest *= d
			case !copied[i]:
				dynamic++
			}
		}
		if inferred >= 0 {
			out[inferred] = onnxgraph.Dynamic
			if dynamic == 0 && known > 0 && rest%known == 0 {
				out[inferred] = rest / known
			}
		}
		return out, nil
	}
	size := from.Size()
	if inferred >= 0 {
		if known == 0 || size%known != 0 {
			return nil, fmt.Errorf("cannot reshape %v to %v: %d elements do not divide by %d", from, want, size, known)
		}
		out[inferred] = size / known
		known *= out[inferred]
	}
	if known != size {
		return nil, fmt.Errorf("cannot reshape %v to %v: %d elements against %d", from, want, size, known)
	}
	return out, nil
}
