package onnxgraph_test

import (
	"slices"
	"strings"
	"testing"

	"pmx/internal/onnxgotest"
	"pmx/onnxgraph"
)

// TestOnnxGoReads decodes our bytes by onnx-go: functions, another domain, element
// types. Both registers of protobuf messages in one program do not clash. (Package
// cli has whole encoders read.)
func TestOnnxGoReads(t *testing.T) {
	m := sampleModel(t)
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	other, err := onnxgotest.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(other.Inputs) != 2 || len(other.Outputs) != 3 {
		t.Errorf("%d inputs and %d outputs, want 2 and 3", len(other.Inputs), len(other.Outputs))
	}
	slices.Sort(other.Operators)
	const want = "Add map[]; Exp map[]; Mul map[]; ReduceSum map[keepdims:0]; SoftmaxGrad_13 map[axis:-1]; SoftmaxGrad_13 map[axis:-1]"
	if got := strings.Join(other.Operators, "; "); got != want {
		t.Errorf("operators\n %s\nwant\n %s", got, want)
	}
	for _, c := range m.Graph.Constants() {
		got, ok := other.Constants[c.Name]
		switch elements, _ := got.Data.([]float32); {
		case !ok:
			t.Errorf("constant %s was not found", c.Name)
		case !slices.Equal(got.Shape, c.Shape):
			t.Errorf("constant %s has shape %v, want %v", c.Name, got.Shape, c.Shape)
		case c.DType == onnxgraph.Float32 && !slices.Equal(elements, onnxgraph.Data[float32](c.Constant())):
			t.Errorf("constant %s has other elements", c.Name)
		}
	}
}
