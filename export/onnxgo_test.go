package export

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"pmx/builders"
	"pmx/internal/onnxgotest"
	"pmx/onnxgraph"
)

// TestOnnxGoReadsExports has onnx-go, an independent reader, decode the exported
// files: inputs, outputs, every node with its attributes and every number of
// every constant are those of the graph that was to be written.
func TestOnnxGoReadsExports(t *testing.T) {
	e := tinyEncoder(t)
	for _, o := range allOptions {
		if o.Resize > 0 {
			continue // the reader of onnx-go has no constants of type double
		}
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			data, err := os.ReadFile(writeModel(t, e, o))
			if err != nil {
				t.Fatal(err)
			}
			got, err := onnxgotest.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			want, err := builders.Encoder(e.Config, e.Tensors, o)
			if err != nil {
				t.Fatal(err)
			}
			compareOnnxGo(t, got, want.Graph)
		})
	}
}

func compareOnnxGo(t *testing.T, got *onnxgotest.Model, want *onnxgraph.Graph) {
	if values := onnxGoValues(want.Inputs()); !reflect.DeepEqual(got.Inputs, values) {
		t.Errorf("inputs %v, want %v", got.Inputs, values)
	}
	if values := onnxGoValues(want.Outputs()); !reflect.DeepEqual(got.Outputs, values) {
		t.Errorf("outputs %v, want %v", got.Outputs, values)
	}
	var operators []string
	for _, n := range want.Nodes() {
		operators = append(operators, fmt.Sprint(n.Op.Name, " ", map[string]any(n.Attributes)))
	}
	if !slices.Equal(got.Operators, operators) {
		t.Errorf("nodes\n%q\nwant\n%q", got.Operators, operators)
	}
	if len(got.Constants) != len(want.Constants()) || len(got.Constants) == 0 {
		t.Errorf("%d constants, want %d", len(got.Constants), len(want.Constants()))
	}
	for _, c := range want.Constants() {
		constant := got.Constants[c.Name]
		if !slices.Equal(constant.Shape, c.Shape) || !reflect.DeepEqual(constant.Data, elements(t, c.Constant())) {
			t.Errorf("constant %s: %v %v, want %v", c.Name, constant.Shape, constant.Data, c.Constant())
		}
	}
}

// onnxGoValues are values as onnx-go tells of them: the dimensions that may vary
// are left out.
func onnxGoValues(values []*onnxgraph.Value) (out []onnxgotest.Value) {
	for _, v := range values {
		dtype := map[onnxgraph.DType]string{onnxgraph.Float32: "float32", onnxgraph.Uint8: "uint8"}[v.DType]
		fixed := slices.DeleteFunc(slices.Clone(v.Shape), func(d int) bool { return d == onnxgraph.Dynamic })
		out = append(out, onnxgotest.Value{Name: v.Name, DType: dtype, Shape: fixed})
	}
	return out
}

func elements(t *testing.T, x *onnxgraph.Tensor) any {
	switch x.DType() {
	case onnxgraph.Float32:
		return onnxgraph.Data[float32](x)
	case onnxgraph.Int64:
		return onnxgraph.Data[int64](x)
	}
	t.Fatalf("an encoder with constants of type %v", x.DType())
	return nil
}
