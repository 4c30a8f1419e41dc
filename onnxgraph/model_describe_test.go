package onnxgraph_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
	"pmx/onnxgraph"
)

func TestDescribe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := sampleModel(t).WriteFileSplit(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".data"); err != nil { // it is not needed
		t.Fatal(err)
	}
	got, err := onnxgraph.DescribeFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &onnxgraph.Description{
		IRVersion: 9, Opsets: map[string]int64{"": 17, "com.microsoft": 1},
		Producer: "pmx", ProducerVersion: "1.2", Doc: "a sample", GraphName: "sample",
		Metadata: map[string]string{"author": "Zoë", "pmx.step": "{}"},
		Inputs:   []onnxgraph.PortDescription{{Name: "x", Type: "float[batch,3]"}, {Name: "y", Type: "float[2,3]"}},
		Outputs:  []onnxgraph.PortDescription{{Name: "sum", Type: "float[?,3]"}, {Name: "grad", Type: "float[2,3]"}, {Name: "wide", Type: "float[2,3]"}},
		Nodes:    6, Operators: map[string]int{"Add": 1, "com.microsoft.SoftmaxGrad_13": 2, "Exp": 1, "Mul": 1, "ReduceSum": 1},
		Functions: []onnxgraph.FunctionDescription{{
			ID: "com.microsoft.SoftmaxGrad_13", Inputs: []string{"dY", "Y"}, Outputs: []string{"dX"},
			Nodes: 5, Operators: map[string]int{"Constant": 1, "Mul": 2, "ReduceSum": 1, "Sub": 1},
		}},
		Initializers: 3, InitializerBytes: 512*3*4 + 3*4 + 8, Parameters: 512*3 + 3,
		ExternalFiles: []string{"m.onnx.data"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("described as\n%+v\nwant\n%+v", got, want)
	}
}

// TestDescribeForeign describes what ReadModel refuses: unknown operators, nested
// graphs, other types, another opset, weights listed as inputs.
func TestDescribeForeign(t *testing.T) {
	tensor := func(elem int32, dims ...*onnxpb.TensorShapeProto_Dimension) *onnxpb.TypeProto {
		return &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: proto.Int32(elem), Shape: &onnxpb.TensorShapeProto{Dim: dims},
		}}}
	}
	scalar := tensor(7)
	unknown := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(8)}}}
	info := func(name string, t *onnxpb.TypeProto) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: t}
	}
	branch := &onnxpb.GraphProto{Node: []*onnxpb.NodeProto{{OpType: proto.String("Relu")}, {OpType: proto.String("Relu")}}}
	m := &onnxpb.ModelProto{
		IrVersion: proto.Int64(3), OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String("ai.onnx"), Version: proto.Int64(9)}},
		Graph: &onnxpb.GraphProto{
			Node: []*onnxpb.NodeProto{
				{OpType: proto.String("If"), Attribute: []*onnxpb.AttributeProto{{G: branch}, {Graphs: []*onnxpb.GraphProto{branch}}}},
				{OpType: proto.String("Relu"), Domain: proto.String("ai.onnx")},
				{OpType: proto.String("Gelu"), Domain: proto.String("com.microsoft")},
			},
			Input: []*onnxpb.ValueInfoProto{
				info("w", scalar), info("n", scalar), info("names", unknown), info("nothing", nil),
				info("image", tensor(1, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "H, W"}},
					&onnxpb.TensorShapeProto_Dimension{})),
			},
			Output: []*onnxpb.ValueInfoProto{
				info("s", &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{SequenceType: &onnxpb.TypeProto_Sequence{ElemType: scalar}}}),
				info("o", &onnxpb.TypeProto{Value: &onnxpb.TypeProto_OptionalType{OptionalType: &onnxpb.TypeProto_Optional{ElemType: scalar}}}),
				info("m", &onnxpb.TypeProto{Value: &onnxpb.TypeProto_MapType{MapType: &onnxpb.TypeProto_Map{KeyType: proto.Int32(8), ValueType: scalar}}}),
				info("p", &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SparseTensorType{SparseTensorType: &onnxpb.TypeProto_SparseTensor{ElemType: proto.Int32(17)}}}),
				info("q", &onnxpb.TypeProto{Value: &onnxpb.TypeProto_OpaqueType{OpaqueType: &onnxpb.TypeProto_Opaque{Domain: proto.String("d"), Name: proto.String("T")}}}),
			},
			Initializer: []*onnxpb.TensorProto{
				{Name: proto.String("w"), DataType: proto.Int32(10), Dims: []int64{5}, RawData: make([]byte, 10)},
				{Name: proto.String("strings"), DataType: proto.Int32(8), Dims: []int64{5}},
				{Name: proto.String("broken"), DataType: proto.Int32(1), Dims: []int64{-5}, RawData: make([]byte, 3)},
			},
			SparseInitializer: []*onnxpb.SparseTensorProto{{}},
		},
	}
	d, err := onnxgraph.Describe(encoded(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Operators, d.Opsets, d.Nodes); got != "map[If:1 Relu:5 com.microsoft.Gelu:1] map[:9] 3" {
		t.Errorf("operators, opsets, nodes: %s", got)
	}
	if got, want := fmt.Sprint(d.Inputs), `[{n int64} {names string[]} {nothing ?} {image float["H, W",?]}]`; got != want {
		t.Errorf("inputs %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(d.Outputs), "[{s seq(int64)} {o optional(int64)} {m map(string, int64)} {p sparse_tensor(float8e4m3fn[])} {q opaque(d.T)}]"; got != want {
		t.Errorf("outputs %s, want %s", got, want)
	}
	if d.Initializers != 4 || d.InitializerBytes != 13 || d.Parameters != 5 {
		t.Errorf("%d initializers of %d bytes with %d parameters, want 4, 13, 5", d.Initializers, d.InitializerBytes, d.Parameters)
	}
	for _, data := range []string{"", "\xff\xff", "plain text"} {
		if _, err := onnxgraph.Describe([]byte(data)); err == nil || !strings.HasPrefix(err.Error(), "onnxgraph: model: ") {
			t.Errorf("the bytes %q: %v", data, err)
		}
	}
	if _, err := onnxgraph.DescribeFile(filepath.Join(t.TempDir(), "none.onnx")); err == nil {
		t.Error("a file that is not there is described")
	}
}

// TestDescribeOtherTypes: constants of types that no operator computes with have their
// sizes, by the bits that ONNX's onnx.proto gives their elements.
func TestDescribeOtherTypes(t *testing.T) {
	constant := func(number int32, strings ...string) *onnxpb.TensorProto {
		data := &onnxpb.TensorProto{Name: proto.String("c"), DataType: proto.Int32(number), Dims: []int64{5}}
		for _, s := range strings {
			data.StringData = append(data.StringData, []byte(s))
		}
		return data
	}
	for _, c := range []struct {
		tensor            *onnxpb.TensorProto
		bytes, parameters int64
	}{
		{constant(22), 3, 0}, {constant(21), 3, 0}, {constant(17), 5, 5}, {constant(20), 5, 5}, {constant(23), 3, 5},
		{constant(14), 40, 0}, {constant(15), 80, 0}, {constant(26), 2, 0}, {constant(8, "a", "bc", "", "d", "efg"), 7, 0}, {constant(1), 20, 5},
	} {
		data, err := proto.Marshal(&onnxpb.ModelProto{Graph: &onnxpb.GraphProto{Name: proto.String("g"), Initializer: []*onnxpb.TensorProto{c.tensor}}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := onnxgraph.Describe(data)
		if err != nil || d.InitializerBytes != c.bytes || d.Parameters != c.parameters {
			t.Errorf("type %d: %d bytes, %d parameters (%v), want %d and %d", c.tensor.GetDataType(), d.InitializerBytes, d.Parameters, err, c.bytes, c.parameters)
		}
	}
}
