package runtimes_test

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/internal/require"
	"pmx/onnxgraph"
	"pmx/onnxgraph/conformance"
	"pmx/runtimes"
)

// runBound runs a case on stock ONNX Runtime, in the memory of tensors of ours: so
// it may be of every rank, size and element type. The library is loaded already.
func runBound(c conformance.Case) error {
	data, err := c.Model.Marshal()
	if err != nil {
		return err
	}
	got := map[string]*onnxgraph.Tensor{}
	for name, want := range c.Want {
		got[name] = onnxgraph.Zeros(want.DType(), want.Shape())
	}
	inputs, in, err := bind(c.Model.Graph.Inputs(), c.Feeds)
	if err != nil {
		return err
	}
	defer destroy(in)
	outputs, out, err := bind(c.Model.Graph.Outputs(), got)
	if err != nil {
		return err
	}
	defer destroy(out)
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	if err := runtimes.AddDevice(options, require.Device()); err != nil {
		return err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(data, inputs, outputs, options)
	if err != nil {
		return err
	}
	defer session.Destroy()
	if err := session.Run(in, out); err != nil {
		return err
	}
	for i, name := range outputs {
		if s, ok := out[i].(scalar); ok {
			got[name] = s.read()
		}
	}
	return c.Compare(got)
}

// bind wraps a tensor for each value.
func bind(values []*onnxgraph.Value, tensors map[string]*onnxgraph.Tensor) (names []string, bound []ort.Value, err error) {
	for _, v := range values {
		value, err := wrap(tensors[v.Name])
		if err != nil {
			destroy(bound)
			return nil, nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		names, bound = append(names, v.Name), append(bound, value)
	}
	return names, bound, nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		v.Destroy()
	}
}

// wrap gives a tensor's memory to ONNX Runtime, or a copy of what is of rank 0.
func wrap(x *onnxgraph.Tensor) (ort.Value, error) {
	if len(x.Shape()) > 0 {
		memory := x.Bytes()
		if len(memory) == 0 {
			memory = make([]byte, 1) // which the binding asks for
		}
		return ort.NewCustomDataTensor(x.Shape().Int64(), memory, ort.TensorElementDataType(x.DType()))
	}
	switch x.DType() {
	case onnxgraph.Float32:
		return newScalar[float32](x)
	case onnxgraph.Float64:
		return newScalar[float64](x)
	case onnxgraph.Int32:
		return newScalar[int32](x)
	case onnxgraph.Int8:
		return newScalar[int8](x)
	case onnxgraph.Int64:
		return newScalar[int64](x)
	}
	return nil, fmt.Errorf("no scalar of %v", x.DType())
}

// scalar is a value of rank 0.
type scalar struct {
	ort.Value
	read func() *onnxgraph.Tensor
}

func newScalar[T interface {
	onnxgraph.Element
	ort.TensorData
}](x *onnxgraph.Tensor) (ort.Value, error) {
	s, err := ort.NewScalar(onnxgraph.Data[T](x)[0])
	if err != nil {
		return nil, err
	}
	return scalar{s, func() *onnxgraph.Tensor { return onnxgraph.ScalarTensor(s.GetData()) }}, nil
}
