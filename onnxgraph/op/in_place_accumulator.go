package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// InPlaceAccumulator gives buffer + x, or x where overwrite [1] holds, of the
// shape of both, and a flag [1] that is true. ONNX Runtime Training's kernel
// writes the result into the memory of buffer, which so changes for the caller;
// elsewhere only next tells. The flag orders writes: what takes it comes after.
// Other readers of buffer have no order with the write of their own.
func InPlaceAccumulator(buffer, x, overwrite *onnxgraph.Value) (written, next *onnxgraph.Value) {
	n := onnxgraph.ApplyNode("com.microsoft.InPlaceAccumulatorV2", nil, buffer, x, overwrite)
	return n.Outputs[0], n.Outputs[1]
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "InPlaceAccumulatorV2", Domain: onnxgraph.DomainMicrosoft, SinceVersion: 1,
	Inputs:  []string{"old_sum", "value", "overwrite_flag"},
	Outputs: []string{"updated_flag", "new_sum"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		buffer, x, overwrite := n.Inputs[0], n.Inputs[1], n.Inputs[2]
		if err := sameDType(buffer.Type, x.Type); err != nil {
			return nil, err
		}
		flag := onnxgraph.Type{DType: onnxgraph.Bool, Shape: onnxgraph.Shape{1}}
		if !buffer.Shape.Fits(x.Shape) || overwrite.DType != onnxgraph.Bool || !overwrite.Shape.Fits(flag.Shape) || !x.DType.IsFloat() {
			return nil, fmt.Errorf("want a buffer and a value of one shape and float type and a flag bool [1]")
		}
		return []onnxgraph.Type{flag, buffer.Type}, nil
	},
	Grad: onnxgraph.NotDifferentiable("state is written after the gradient is known"),
	Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		buffer, x, overwrite := in[0], in[1], in[2]
		return []*onnxgraph.Value{Or(overwrite, Not(overwrite)), Where(overwrite, x, Add(buffer, x))}
	},
})
