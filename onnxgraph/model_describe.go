package onnxgraph

import (
	"fmt"
	"slices"
	"strings"

	"pmx/internal/onnxpb"
)

// Description is what a model file says about itself. Unlike ReadModel it is
// there for any ONNX model, whatever its operators.
type Description struct {
	IRVersion                 int64
	Opsets                    map[string]int64 // by domain; "" is ONNX's own
	Producer, ProducerVersion string
	Doc                       string
	Metadata                  map[string]string
	GraphName                 string
	// Inputs leaves out those that only give an initializer's type.
	Inputs, Outputs []PortDescription
	Nodes           int
	// Operators counts the nodes of each operator ("Add", "com.microsoft.Gelu"),
	// nodes of nested graphs (If, Loop) included, bodies of functions not.
	Operators map[string]int
	Functions []FunctionDescription
	// Initializers counts the constants, InitializerBytes their data wherever it
	// lies, and Parameters the elements of those of a floating type.
	Initializers     int
	InitializerBytes int64
	Parameters       int64
	// ExternalFiles are the data files that the model refers to, sorted.
	ExternalFiles []string
}

// PortDescription is an input or output: its type as ONNX text has it, such as
// float[batch,3,224,224], seq(int64[?]) or float[] where the rank is not known.
type PortDescription struct{ Name, Type string }

// FunctionDescription is a function of a model.
type FunctionDescription struct {
	ID              string // domain and name
	Inputs, Outputs []string
	Nodes           int
	Operators       map[string]int
}

// Describe reads what a serialized model says about itself. It checks nothing
// but that the bytes are a model.
func Describe(data []byte) (*Description, error) {
	d, err := describe(data)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: model: %w", err)
	}
	return d, nil
}

// DescribeFile is Describe of a file. Data files beside it are not opened.
func DescribeFile(path string) (*Description, error) {
	data, err := readMessageFile(path)
	if err != nil {
		return nil, err
	}
	d, err := describe(data)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: %s: %w", path, err)
	}
	return d, nil
}

func describe(data []byte) (*Description, error) {
	m := &onnxpb.ModelProto{}
	if err := unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("not an ONNX model: %w", err)
	}
	if m.Graph == nil {
		return nil, fmt.Errorf("it holds no graph, so it is not an ONNX model")
	}
	d := &Description{
		IRVersion: m.GetIrVersion(), Opsets: map[string]int64{},
		Producer: m.GetProducerName(), ProducerVersion: m.GetProducerVersion(), Doc: m.GetDocString(),
		Metadata: map[string]string{}, GraphName: m.Graph.GetName(),
		Nodes: len(m.Graph.Node), Operators: map[string]int{},
	}
	for _, set := range m.OpsetImport {
		domain := set.GetDomain()
		if domain == "ai.onnx" {
			domain = ""
		}
		d.Opsets[domain] = set.GetVersion()
	}
	for _, p := range m.MetadataProps {
		d.Metadata[p.GetKey()] = p.GetValue()
	}
	countOperators(d.Operators, m.Graph.Node)
	for _, f := range m.Functions {
		function := FunctionDescription{
			ID: opID(f.GetDomain(), f.GetName()), Inputs: f.Input, Outputs: f.Output, Nodes: len(f.Node), Operators: map[string]int{},
		}
		countOperators(function.Operators, f.Node)
		d.Functions = append(d.Functions, function)
	}
	constant := map[string]bool{}
	for _, t := range m.Graph.Initializer {
		constant[t.GetName()] = true
		d.addInitializer(t)
	}
	for _, t := range m.Graph.SparseInitializer {
		constant[t.GetValues().GetName()] = true
		d.addInitializer(t.GetValues())
	}
	slices.Sort(d.ExternalFiles)
	d.ExternalFiles = slices.Compact(d.ExternalFiles)
	for _, info := range m.Graph.Input {
		if !constant[info.GetName()] {
			d.Inputs = append(d.Inputs, PortDescription{info.GetName(), protoTypeText(info.GetType())})
		}
	}
	for _, info := range m.Graph.Output {
		d.Outputs = append(d.Outputs, PortDescription{info.GetName(), protoTypeText(info.GetType())})
	}
	return d, nil
}

func countOperators(counts map[string]int, nodes []*onnxpb.NodeProto) {
	for _, n := range nodes {
		counts[opID(n.GetDomain(), n.GetOpType())]++
		for _, a := range n.Attribute {
			countOperators(counts, a.GetG().GetNode())
			for _, g := range a.Graphs {
				countOperators(counts, g.Node)
			}
		}
	}
}

// addInitializer counts a tensor by its declared shape; one that makes no sense
// counts as what its message holds.
func (d *Description) addInitializer(t *onnxpb.TensorProto) {
	d.Initializers++
	for _, e := range t.GetExternalData() {
		if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL && e.GetKey() == "location" {
			d.ExternalFiles = append(d.ExternalFiles, e.GetValue())
		}
	}
	dtype := DType(t.GetDataType())
	size, err := CheckedSize(t.GetDims(), maxElements)
	other := otherTypes[t.GetDataType()]
	switch {
	case err == nil && dtype.Size() > 0:
		d.InitializerBytes += int64(size * dtype.Size())
	case err == nil && other.bits > 0:
		d.InitializerBytes += (int64(size)*other.bits + 7) / 8
	default:
		d.InitializerBytes += int64(len(t.GetRawData()))
		for _, text := range t.GetStringData() {
			d.InitializerBytes += int64(len(text))
		}
		return
	}
	if dtype.IsFloat() || other.float {
		d.Parameters += int64(size)
	}
}

// otherTypes are the element types that no operator here computes with, by their numbers
// in ONNX's TensorProto.DataType, and the bits of an element.
var otherTypes = map[int32]struct {
	name  string
	bits  int64
	float bool
}{
	14: {"complex64", 64, false}, 15: {"complex128", 128, false},
	17: {"float8e4m3fn", 8, true}, 18: {"float8e4m3fnuz", 8, true}, 19: {"float8e5m2", 8, true}, 20: {"float8e5m2fnuz", 8, true},
	21: {"uint4", 4, false}, 22: {"int4", 4, false}, 23: {"float4e2m1", 4, true}, 24: {"float8e8m0", 8, true},
	25: {"uint2", 2, false}, 26: {"int2", 2, false},
}

// elementText is the name of an element type in ONNX text.
func elementText(number int32) string {
	if other, ok := otherTypes[number]; ok {
		return other.name
	}
	return DType(number).String()
}

// protoTypeText prints a type in ONNX text syntax.
func protoTypeText(t *onnxpb.TypeProto) string {
	switch v := t.GetValue().(type) {
	case *onnxpb.TypeProto_TensorType:
		return tensorTypeText(v.TensorType.GetElemType(), v.TensorType.GetShape())
	case *onnxpb.TypeProto_SparseTensorType:
		return "sparse_tensor(" + tensorTypeText(v.SparseTensorType.GetElemType(), v.SparseTensorType.GetShape()) + ")"
	case *onnxpb.TypeProto_SequenceType:
		return "seq(" + protoTypeText(v.SequenceType.GetElemType()) + ")"
	case *onnxpb.TypeProto_OptionalType:
		return "optional(" + protoTypeText(v.OptionalType.GetElemType()) + ")"
	case *onnxpb.TypeProto_MapType:
		return "map(" + DType(v.MapType.GetKeyType()).String() + ", " + protoTypeText(v.MapType.GetValueType()) + ")"
	case *onnxpb.TypeProto_OpaqueType:
		return "opaque(" + opID(v.OpaqueType.GetDomain(), v.OpaqueType.GetName()) + ")"
	}
	return "?"
}

func tensorTypeText(elem int32, shape *onnxpb.TensorShapeProto) string {
	switch {
	case shape == nil:
		return elementText(elem) + "[]"
	case len(shape.Dim) == 0:
		return elementText(elem)
	}
	dims := make([]string, len(shape.Dim))
	for i, dim := range shape.Dim {
		switch v := dim.Value.(type) {
		case *onnxpb.TensorShapeProto_Dimension_DimValue:
			dims[i] = fmt.Sprint(v.DimValue)
		case *onnxpb.TensorShapeProto_Dimension_DimParam:
			dims[i] = nameText(v.DimParam)
		default:
			dims[i] = "?"
		}
	}
	return elementText(elem) + "[" + strings.Join(dims, ",") + "]"
}
