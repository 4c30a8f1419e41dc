package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Where returns a where the condition holds and b elsewhere, all three with
// broadcasting. dA = dy where the condition holds, dB = dy elsewhere, else 0.
// https://onnx.ai/onnx/operators/onnx__Where.html
func Where(condition, a, b *onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("Where", nil, condition, a, b)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Where", SinceVersion: 16, Inputs: []string{"condition", "X", "Y"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		condition, a, b := n.Inputs[0], n.Inputs[1], n.Inputs[2]
		if condition.DType != onnxgraph.Bool {
			return nil, fmt.Errorf("the condition is of type %v, want bool", condition.DType)
		}
		if err := sameDType(a.Type, b.Type); err != nil {
			return nil, err
		}
		shape, err := onnxgraph.Broadcast(a.Shape, b.Shape)
		if err != nil {
			return nil, err
		}
		shape, err = onnxgraph.Broadcast(condition.Shape, shape)
		return []onnxgraph.Type{{DType: a.DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		condition, zero := n.Inputs[0], Scalar(dy[0], 0)
		return []*onnxgraph.Value{nil, Where(condition, dy[0], zero), Where(condition, zero, dy[0])}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape, err := onnxgraph.Broadcast(in[1].Shape(), in[2].Shape())
		if err == nil {
			shape, err = onnxgraph.Broadcast(in[0].Shape(), shape)
		}
		if err != nil {
			return nil, err
		}
		repeat := func(t *onnxgraph.Tensor) *onnxgraph.Tensor {
			return gatherStrided(t, shape, broadcastStrides(t.Shape(), shape))
		}
		condition, a, out := onnxgraph.Data[bool](repeat(in[0])), repeat(in[1]), repeat(in[2])
		size := out.DType().Size()
		from, to := a.Bytes(), out.Bytes()
		for i, holds := range condition {
			if holds {
				copy(to[i*size:(i+1)*size], from[i*size:(i+1)*size])
			}
		}
		return one(out)
	},
})
