package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// ConstantOfShape returns a tensor whose shape is computed in the graph and whose
// elements all equal the single one of value; nil means float32 zero.
// https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
func ConstantOfShape(shape *onnxgraph.Value, value *onnxgraph.Tensor) *onnxgraph.Value {
	if value == nil {
		return onnxgraph.Apply("ConstantOfShape", nil, shape)
	}
	return onnxgraph.Apply("ConstantOfShape", onnxgraph.Attributes{"value": value}, shape)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ConstantOfShape", SinceVersion: 9, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		value, err := fillValue(n)
		if err != nil {
			return nil, err
		}
		shape, err := shapeFrom(n, 0)
		return []onnxgraph.Type{{DType: value.DType(), Shape: shape}}, err
	},
	Grad: onnxgraph.ZeroGradient("a constant"),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		value, err := fillValue(n)
		if err != nil {
			return nil, err
		}
		shape := onnxgraph.Shape(toInts(in[0]))
		if err := notNegative(shape); err != nil {
			return nil, err
		}
		return one(gatherStrided(onnxgraph.Widen(value), shape, make([]int, len(shape))))
	},
})

func fillValue(n *onnxgraph.Node) (*onnxgraph.Tensor, error) {
	value, ok := n.Attributes["value"].(*onnxgraph.Tensor)
	if !ok {
		return onnxgraph.ScalarTensor(float32(0)), nil
	}
	if value.Size() != 1 {
		return nil, fmt.Errorf("the value has %d elements, want 1", value.Size())
	}
	return value, nil
}
