package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Cast converts x to another element type; floats become integers by truncation
// towards zero, numbers become true unless 0. Between floats dx = dy, converted
// back; through other types nothing flows.
// https://onnx.ai/onnx/operators/onnx__Cast.html
func Cast(x *onnxgraph.Value, to onnxgraph.DType) *onnxgraph.Value {
	return onnxgraph.Apply("Cast", onnxgraph.Attributes{"to": int64(to)}, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Cast", SinceVersion: 13, Inputs: []string{"input"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		to := onnxgraph.DType(n.Attributes.Int("to", 0))
		if to.Size() == 0 || n.Inputs[0].DType.Size() == 0 {
			return nil, fmt.Errorf("cannot cast %v to %v", n.Inputs[0].DType, to)
		}
		return []onnxgraph.Type{{DType: to, Shape: n.Inputs[0].Shape}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if !n.Inputs[0].DType.IsFloat() {
			return []*onnxgraph.Value{nil}
		}
		return []*onnxgraph.Value{Cast(dy[0], n.Inputs[0].DType)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return alone(castTo(in[0], n.Outputs[0].DType))
	},
})

// castTo converts elements. A float of any width stays Float64, unrounded: Eval
// computes as if floats were exact.
func castTo(t *onnxgraph.Tensor, to onnxgraph.DType) (*onnxgraph.Tensor, error) {
	if t.DType() == to {
		return t, nil
	}
	if to.IsFloat() {
		return onnxgraph.NewTensor(t.Shape(), t.Float64s()), nil
	}
	out := onnxgraph.Zeros(to, t.Shape())
	if to == onnxgraph.Bool {
		for i, v := range t.Float64s() {
			onnxgraph.Data[bool](out)[i] = v != 0
		}
		return out, nil
	}
	values, err := truncated(t)
	if err != nil {
		return nil, err
	}
	switch to {
	case onnxgraph.Int8:
		narrow(onnxgraph.Data[int8](out), values)
	case onnxgraph.Int16:
		narrow(onnxgraph.Data[int16](out), values)
	case onnxgraph.Int32:
		narrow(onnxgraph.Data[int32](out), values)
	case onnxgraph.Int64:
		narrow(onnxgraph.Data[int64](out), values)
	case onnxgraph.Uint8:
		narrow(onnxgraph.Data[uint8](out), values)
	case onnxgraph.Uint16:
		narrow(onnxgraph.Data[uint16](out), values)
	case onnxgraph.Uint32:
		narrow(onnxgraph.Data[uint32](out), values)
	case onnxgraph.Uint64:
		narrow(onnxgraph.Data[uint64](out), values)
	default:
		return nil, fmt.Errorf("Eval cannot cast to %v", to)
	}
	return out, nil
}

// truncated gives the integer part of any numbers. ONNX leaves a float outside
// of the range of int64 undefined; here it is an error.
func truncated(t *onnxgraph.Tensor) ([]int64, error) {
	switch t.DType() {
	case onnxgraph.Int64:
		return onnxgraph.Data[int64](t), nil
	case onnxgraph.Uint64:
		return mapSlice(onnxgraph.Data[uint64](t), func(v uint64) int64 { return int64(v) }), nil
	}
	out := make([]int64, t.Size())
	for i, v := range t.Float64s() {
		if !(math.Abs(v) < 1<<63) {
			return nil, fmt.Errorf("%g has no integer value", v)
		}
		out[i] = int64(v)
	}
	return out, nil
}

func narrow[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](to []T, from []int64) {
	for i, v := range from {
		to[i] = T(v)
	}
}
