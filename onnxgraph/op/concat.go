package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Concat joins operands along an axis. Each operand's cotangent is its part of
// dy.
// https://onnx.ai/onnx/operators/onnx__Concat.html
func Concat(axis int, xs ...*onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("Concat", onnxgraph.Attributes{"axis": int64(axis)}, xs...)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Concat", SinceVersion: 13, Inputs: []string{"inputs..."}, Outputs: []string{"concat_result"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		first := n.Inputs[0].Type
		axis, err := axisOf(n.Attributes.Int("axis", 0), len(first.Shape))
		if err != nil {
			return nil, err
		}
		out := first.Shape.Clone()
		for _, x := range n.Inputs[1:] {
			if err := sameDType(first, x.Type); err != nil {
				return nil, err
			}
			if x.Rank() != len(out) {
				return nil, fmt.Errorf("ranks differ: %v and %v", first.Shape, x.Shape)
			}
			for i, d := range x.Shape {
				switch {
				case i == axis && (d == onnxgraph.Dynamic || out[i] == onnxgraph.Dynamic):
					out[i] = onnxgraph.Dynamic
				case i == axis:
					out[i] += d
				case out[i] == onnxgraph.Dynamic:
					out[i] = d
				case d != onnxgraph.Dynamic && d != out[i]:
					return nil, fmt.Errorf("shapes %v and %v differ beside axis %d", first.Shape, x.Shape, axis)
				}
			}
		}
		return []onnxgraph.Type{{DType: first.DType, Shape: out}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if len(n.Inputs) == 1 {
			return []*onnxgraph.Value{dy[0]}
		}
		axis := n.Attributes.Int("axis", 0)
		at, _ := axisOf(axis, n.Inputs[0].Rank())
		sizes := make([]int, len(n.Inputs))
		for i, x := range n.Inputs {
			if sizes[i] = x.Shape[at]; sizes[i] == onnxgraph.Dynamic {
				onnxgraph.Fail("Concat", n.Inputs, "gradients need fixed sizes along the joined axis")
			}
		}
		return Split(dy[0], axis, sizes...)
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		axis, err := axisOf(n.Attributes.Int("axis", 0), len(in[0].Shape()))
		if err != nil {
			return nil, err
		}
		return alone(joined(in, axis))
	},
})

// joined concatenates tensors of any element type.
func joined(ts []*onnxgraph.Tensor, axis int) (*onnxgraph.Tensor, error) {
	shape := ts[0].Shape().Clone()
	shape[axis] = 0
	for _, t := range ts {
		for i, d := range t.Shape() {
			switch {
			case i == axis:
				shape[axis] += d
			case d != shape[i]:
				return nil, fmt.Errorf("shapes %v and %v differ beside axis %d", ts[0].Shape(), t.Shape(), axis)
			}
		}
	}
	out := onnxgraph.Zeros(ts[0].DType(), shape)
	outer, inner := outerInner(shape, axis)
	inner *= out.DType().Size()
	to := out.Bytes()
	for i := range outer {
		for _, t := range ts {
			run := t.Shape()[axis] * inner
			to = to[copy(to, t.Bytes()[i*run:(i+1)*run]):]
		}
	}
	return out, nil
}
