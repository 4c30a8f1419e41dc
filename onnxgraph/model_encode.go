package onnxgraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
)

// encodeModel gives the message of a model. Constants' data is shared with the
// graph, not copied.
func encodeModel(m *Model) (*onnxpb.ModelProto, error) {
	functions, err := m.Graph.Functions()
	if err != nil {
		return nil, err
	}
	graph, err := encodeGraph(m.Graph)
	if err != nil {
		return nil, err
	}
	out := &onnxpb.ModelProto{
		IrVersion:       proto.Int64(IRVersion),
		ProducerName:    optional(m.Producer),
		ProducerVersion: optional(m.ProducerVersion),
		DocString:       optional(m.Doc),
		Graph:           graph,
	}
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		out.MetadataProps = append(out.MetadataProps, entry(key, m.Metadata[key]))
	}
	domains := domainsOf(m.Graph)
	for _, f := range functions {
		domains = append(append(domains, f.Domain), domainsOf(f.Body)...)
		message, err := encodeFunction(f)
		if err != nil {
			return nil, err
		}
		out.Functions = append(out.Functions, message)
	}
	out.OpsetImport = opsetImports(domains)
	return out, nil
}

func encodeGraph(g *Graph) (*onnxpb.GraphProto, error) {
	if len(g.outputs) == 0 {
		return nil, fmt.Errorf("onnxgraph: graph %s has no outputs, nothing to write", g.Name)
	}
	out := &onnxpb.GraphProto{Name: proto.String(g.Name)}
	for _, v := range g.inputs {
		out.Input = append(out.Input, encodeValueInfo(v))
	}
	for _, v := range g.outputs {
		out.Output = append(out.Output, encodeValueInfo(v))
	}
	for _, v := range g.constants {
		t := encodeTensor(v.constant)
		t.Name = proto.String(v.Name)
		out.Initializer = append(out.Initializer, t)
	}
	var err error
	if out.Node, err = encodeNodes(g); err != nil {
		return nil, err
	}
	for _, n := range out.Node {
		leaveOutLast(n)
	}
	return out, err
}

// encodeFunction gives a function; its constants become Constant nodes, since a
// function has no initializers. It lists every declared attribute, whether or not the
// body has use for it: a kernel of that name may.
func encodeFunction(f *Function) (*onnxpb.FunctionProto, error) {
	out := &onnxpb.FunctionProto{
		Name: proto.String(f.Name), Domain: proto.String(f.Domain),
		OpsetImport: opsetImports(domainsOf(f.Body)),
	}
	for _, declared := range schemas[opID(f.Domain, f.Name)].Attributes {
		if declared.Default == nil {
			out.Attribute = append(out.Attribute, declared.Name)
			continue
		}
		a, err := encodeAttribute(declared.Name, declared.Default)
		if err != nil {
			return nil, fmt.Errorf("onnxgraph: function %s: %w", opID(f.Domain, f.Name), err)
		}
		out.AttributeProto = append(out.AttributeProto, a)
	}
	out.Input = functionInputs(f)
	for _, v := range f.Body.outputs {
		out.Output = append(out.Output, v.Name)
	}
	for _, v := range f.Body.constants {
		out.Node = append(out.Node, &onnxpb.NodeProto{
			Name: proto.String(v.Name), OpType: proto.String("Constant"), Output: []string{v.Name},
			Attribute: []*onnxpb.AttributeProto{{
				Name: proto.String("value"), Type: onnxpb.AttributeProto_TENSOR.Enum(), T: encodeTensor(v.constant),
			}},
		})
	}
	nodes, err := encodeNodes(f.Body)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", opID(f.Domain, f.Name), err)
	}
	out.Node = append(out.Node, nodes...)
	return out, nil
}

// functionInputs lists the formal inputs. A caller's operands are matched by
// position, so an optional one that this body does without is listed too.
func functionInputs(f *Function) []string {
	var names []string
	schema := schemas[opID(f.Domain, f.Name)]
	if _, most := schema.arity(); most >= 0 {
		for i := range most {
			names = append(names, formalName(schema.Inputs, i))
		}
		return names
	}
	for _, v := range f.Body.inputs {
		names = append(names, v.Name)
	}
	return names
}

func encodeNodes(g *Graph) ([]*onnxpb.NodeProto, error) {
	used := g.used()
	out := make([]*onnxpb.NodeProto, 0, len(g.nodes))
	for _, n := range g.nodes {
		outputs := neededOutputs(n, used)
		message := &onnxpb.NodeProto{
			Name: proto.String(n.Name), OpType: proto.String(n.Op.Name), Domain: optional(n.Op.Domain),
			Input: make([]string, len(n.Inputs)), Output: make([]string, len(outputs)),
		}
		for i, v := range n.Inputs {
			if v != nil {
				message.Input[i] = v.Name
			}
		}
		for i, v := range outputs {
			if v != nil {
				message.Output[i] = v.Name
			}
		}
		for _, name := range n.Attributes.Names() {
			a, err := encodeAttribute(name, n.Attributes[name])
			if err != nil {
				return nil, fmt.Errorf("onnxgraph: %s %s: %w", n.Op.ID(), n.Name, err)
			}
			message.Attribute = append(message.Attribute, a)
		}
		out = append(out, message)
	}
	return out, nil
}

// used is the values that a node or the graph's result needs.
func (g *Graph) used() map[*Value]bool {
	used := map[*Value]bool{}
	for _, n := range g.nodes {
		for _, v := range n.Inputs {
			used[v] = true
		}
	}
	for _, v := range g.outputs {
		used[v] = true
	}
	return used
}

// neededOutputs leaves out optional outputs that nothing uses, so that a runtime
// need not compute and keep them: absent ones are nil. The number stays that of
// the operator, because ONNX's type inference of functions counts on it; leaveOutLast
// is for other nodes.
func neededOutputs(n *Node, used map[*Value]bool) []*Value {
	out := slices.Clone(n.Outputs)
	for i := 1; i < len(out) && i < len(n.Op.Outputs); i++ {
		if strings.HasSuffix(n.Op.Outputs[i], "?") && !used[out[i]] {
			out[i] = nil
		}
	}
	return out
}

// leaveOutLast shortens the list of a standard operator's outputs by the absent ones at
// its end, as exporters write them: ONNX Runtime's own symbolic shape inference looks up
// the shape of every output that is listed.
func leaveOutLast(n *onnxpb.NodeProto) {
	for len(n.Output) > 1 && n.Output[len(n.Output)-1] == "" && n.GetDomain() == "" {
		n.Output = n.Output[:len(n.Output)-1]
	}
}

func encodeAttribute(name string, value any) (*onnxpb.AttributeProto, error) {
	a := &onnxpb.AttributeProto{Name: proto.String(name)}
	switch v := value.(type) {
	case attributeRef:
		typed, err := encodeAttribute(name, v.value)
		if err != nil {
			return nil, err
		}
		a.Type, a.RefAttrName = typed.Type, proto.String(v.name)
	case float32:
		a.Type, a.F = onnxpb.AttributeProto_FLOAT.Enum(), proto.Float32(v)
	case int64:
		a.Type, a.I = onnxpb.AttributeProto_INT.Enum(), proto.Int64(v)
	case string:
		a.Type, a.S = onnxpb.AttributeProto_STRING.Enum(), []byte(v)
	case *Tensor:
		a.Type, a.T = onnxpb.AttributeProto_TENSOR.Enum(), encodeTensor(v)
	case []float32:
		a.Type, a.Floats = onnxpb.AttributeProto_FLOATS.Enum(), v
	case []int64:
		a.Type, a.Ints = onnxpb.AttributeProto_INTS.Enum(), v
	case []string:
		a.Type = onnxpb.AttributeProto_STRINGS.Enum()
		for _, s := range v {
			a.Strings = append(a.Strings, []byte(s))
		}
	default:
		return nil, fmt.Errorf("attribute %s is a Go %T, which ONNX has no type for", name, value)
	}
	return a, nil
}

func encodeValueInfo(v *Value) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for i, d := range v.Shape {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch {
		case d != Dynamic:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case i < len(v.dimNames) && v.dimNames[i] != "":
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: v.dimNames[i]}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	tensor := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(v.DType)), Shape: shape}
	return &onnxpb.ValueInfoProto{
		Name: proto.String(v.Name),
		Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: tensor}},
	}
}

// encodeTensor gives a tensor's message; raw_data is the tensor's own memory.
func encodeTensor(t *Tensor) *onnxpb.TensorProto {
	out := &onnxpb.TensorProto{DataType: proto.Int32(int32(t.dtype)), Dims: t.shape.Int64()}
	if t.Size() > 0 { // an empty tensor must have no data field at all
		out.RawData = t.Bytes()
	}
	return out
}

func domainsOf(g *Graph) []string {
	var out []string
	for _, n := range g.nodes {
		out = append(out, n.Op.Domain)
	}
	return out
}

// opsetImports gives the versions of the domains, each once, the default first.
func opsetImports(domains []string) []*onnxpb.OperatorSetIdProto {
	out := []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(Opset)}}
	domains = slices.Clone(domains)
	slices.Sort(domains)
	for _, d := range slices.Compact(domains) {
		if d != "" {
			out = append(out, &onnxpb.OperatorSetIdProto{Domain: proto.String(d), Version: proto.Int64(1)})
		}
	}
	return out
}

func entry(key, value string) *onnxpb.StringStringEntryProto {
	return &onnxpb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(value)}
}

// optional is s as a field that is absent where s is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
