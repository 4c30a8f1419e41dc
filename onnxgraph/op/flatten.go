package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Flatten views x as a matrix: the dimensions before axis become the rows, the
// others the columns. dx = reshape(dy, shape of x).
// https://onnx.ai/onnx/operators/onnx__Flatten.html
func Flatten(x *onnxgraph.Value, axis int) *onnxgraph.Value {
	return onnxgraph.Apply("Flatten", onnxgraph.Attributes{"axis": int64(axis)}, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Flatten", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		shape, err := flattened(n, n.Inputs[0].Shape)
		return []onnxgraph.Type{{DType: n.Inputs[0].DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{Reshape(dy[0], n.Inputs[0].Shape...)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape, err := flattened(n, in[0].Shape())
		if err != nil {
			return nil, err
		}
		return one(in[0].WithShape(shape))
	},
})

// flattened allows an axis equal to the rank: one column then.
func flattened(n *onnxgraph.Node, x onnxgraph.Shape) (onnxgraph.Shape, error) {
	axis := n.Attributes.Int("axis", 1)
	if axis < -len(x) || axis > len(x) {
		return nil, fmt.Errorf("axis %d is outside [%d, %d]", axis, -len(x), len(x))
	}
	if axis < 0 {
		axis += len(x)
	}
	return onnxgraph.Shape{x[:axis].Size(), x[axis:].Size()}, nil
}
