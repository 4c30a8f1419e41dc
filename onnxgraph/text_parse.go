package onnxgraph

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"pmx/internal/onnxpb"
)

// ParseText reads a model, or a graph alone, in ONNX text syntax: what
// Graph.Text and Model.Text print, if every constant is printed in full. The
// model is then read under the rules of ReadModel.
func ParseText(text string) (*Model, error) { return ReadOptions{}.ParseText(text) }

// ParseText is the function of that name under these options.
func (o ReadOptions) ParseText(text string) (*Model, error) {
	message, err := parseText(text)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: text: %w", err)
	}
	m, err := o.decode(message, nil)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: text: %w", err)
	}
	return m, nil
}

// textParser reads one thing a method, by recursive descent; the grammar is
// that of https://onnx.ai/onnx/repo-docs/Syntax.html for tensors, without
// nested graphs.
type textParser struct{ scanner }

func parseText(text string) (m *onnxpb.ModelProto, err error) {
	defer func() {
		if r := recover(); r != nil {
			fault, ok := r.(textError)
			if !ok {
				panic(r)
			}
			m, err = nil, fault.error
		}
	}()
	p := &textParser{scanner{src: text}}
	return p.model(), nil
}

func (p *textParser) model() *onnxpb.ModelProto {
	m := &onnxpb.ModelProto{}
	if p.peek() == '<' {
		p.modelHeader(m)
	} else { // a graph alone is of our opset, whatever domains it calls
		m.OpsetImport = opsetImports(nil)
	}
	m.Graph = p.graph()
	for p.peek() == '<' {
		m.Functions = append(m.Functions, p.function())
	}
	if p.peek() != 0 {
		p.fail("want a function or the end, got %s", p.context())
	}
	return m
}

// header reads <key: value, ...>; value reads the one of a key.
func (p *textParser) header(value func(key string)) {
	seen := map[string]bool{}
	p.list("<", ">", func() {
		key := p.identifier()
		if seen[key] {
			p.fail("%s is given twice", key)
		}
		seen[key] = true
		p.expect(":")
		value(key)
	})
}

func (p *textParser) modelHeader(m *onnxpb.ModelProto) {
	p.header(func(key string) {
		switch key {
		case "ir_version":
			m.IrVersion = proto.Int64(p.int64())
		case "opset_import":
			m.OpsetImport = p.opsets()
		case "producer_name":
			m.ProducerName = proto.String(p.str())
		case "producer_version":
			m.ProducerVersion = proto.String(p.str())
		case "domain":
			m.Domain = proto.String(p.str())
		case "model_version":
			m.ModelVersion = proto.Int64(p.int64())
		case "doc_string":
			m.DocString = proto.String(p.str())
		case "metadata_props":
			p.list("[", "]", func() {
				key := p.str()
				p.expect(":")
				m.MetadataProps = append(m.MetadataProps, entry(key, p.str()))
			})
		default:
			p.fail("a model has no property %q", key)
		}
	})
}

func (p *textParser) opsets() []*onnxpb.OperatorSetIdProto {
	var out []*onnxpb.OperatorSetIdProto
	p.list("[", "]", func() {
		domain := p.str()
		p.expect(":")
		out = append(out, &onnxpb.OperatorSetIdProto{Domain: proto.String(domain), Version: proto.Int64(p.int64())})
	})
	return out
}

// graph reads name (inputs) => (outputs) <constants> { nodes }.
func (p *textParser) graph() *onnxpb.GraphProto {
	g := &onnxpb.GraphProto{Name: proto.String(p.name())}
	p.list("(", ")", func() { g.Input = append(g.Input, p.declaration()) })
	p.expect("=>")
	p.list("(", ")", func() { g.Output = append(g.Output, p.declaration()) })
	if p.peek() == '<' {
		p.list("<", ">", func() { g.Initializer = append(g.Initializer, p.initializer()) })
	}
	g.Node = p.nodes()
	return g
}

// function reads <header> Name <attributes> (inputs) => (outputs) { nodes }.
func (p *textParser) function() *onnxpb.FunctionProto {
	f := &onnxpb.FunctionProto{}
	p.header(func(key string) {
		switch key {
		case "domain":
			f.Domain = proto.String(p.str())
		case "opset_import":
			f.OpsetImport = p.opsets()
		case "doc_string":
			f.DocString = proto.String(p.str())
		default:
			p.fail("a function has no property %q", key)
		}
	})
	f.Name = proto.String(p.name())
	if p.peek() == '<' {
		p.list("<", ">", func() {
			name := p.name()
			if c := p.peek(); c != ':' && c != '=' {
				f.Attribute = append(f.Attribute, name)
				return
			}
			f.AttributeProto = append(f.AttributeProto, p.attributeValue(name))
		})
	}
	p.list("(", ")", func() { f.Input = append(f.Input, p.name()) })
	p.expect("=>")
	p.list("(", ")", func() { f.Output = append(f.Output, p.name()) })
	f.Node = p.nodes()
	return f
}

// declaration reads float[batch,3] x.
func (p *textParser) declaration() *onnxpb.ValueInfoProto {
	t := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: p.tensorType()}}
	return &onnxpb.ValueInfoProto{Type: t, Name: proto.String(p.name())}
}

// tensorType reads float (a scalar), float[] (of unknown rank) or float[2,n,?].
func (p *textParser) tensorType() *onnxpb.TypeProto_Tensor {
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(p.dtype()))}
	if p.peek() != '[' {
		t.Shape = &onnxpb.TensorShapeProto{}
		return t
	}
	p.list("[", "]", func() {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch c := p.peek(); {
		case p.accept("?"):
		case c >= '0' && c <= '9' || c == '-':
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: p.int64()}
		default:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: p.name()}
		}
		if t.Shape == nil {
			t.Shape = &onnxpb.TensorShapeProto{}
		}
		t.Shape.Dim = append(t.Shape.Dim, dim)
	})
	return t
}

func (p *textParser) dtype() DType {
	name := p.identifier()
	dtype, err := ParseDType(name)
	if err != nil || dtype.Size() == 0 {
		p.fail("no tensor has elements of type %q", name)
	}
	return dtype
}

// initializer reads float[2] w = {1, 2}.
func (p *textParser) initializer() *onnxpb.TensorProto {
	t := p.tensorHead()
	t.Name = proto.String(p.name())
	p.expect("=")
	p.elements(t)
	return t
}

// tensorHead reads a tensor's type, whose dimensions must be numbers.
func (p *textParser) tensorHead() *onnxpb.TensorProto {
	head := p.tensorType()
	if head.Shape == nil {
		p.fail("a constant needs its dimensions")
	}
	t := &onnxpb.TensorProto{DataType: head.ElemType}
	for _, dim := range head.Shape.Dim {
		v, ok := dim.Value.(*onnxpb.TensorShapeProto_Dimension_DimValue)
		if !ok {
			p.fail("the dimensions of a constant must be numbers")
		}
		t.Dims = append(t.Dims, v.DimValue)
	}
	return t
}

// elements reads {1, 2.5} into the typed field of the tensor's type.
func (p *textParser) elements(t *onnxpb.TensorProto) {
	field := typedField(DType(t.GetDataType()))
	p.list("{", "}", func() {
		if p.accept("...") {
			p.fail("the elements are elided: only text that has all of them can be read, such as Text(-1)")
		}
		switch literal := p.number(); field {
		case "float_data":
			t.FloatData = append(t.FloatData, float32(p.parseFloat(literal, 32)))
		case "double_data":
			t.DoubleData = append(t.DoubleData, p.parseFloat(literal, 64))
		case "int64_data":
			t.Int64Data = append(t.Int64Data, p.parseInt(literal))
		case "int32_data":
			v := p.parseInt(literal)
			if int64(int32(v)) != v {
				p.fail("%d does not fit the element type", v)
			}
			t.Int32Data = append(t.Int32Data, int32(v))
		case "uint64_data":
			v, err := strconv.ParseUint(literal, 10, 64)
			if err != nil {
				p.fail("%q is no unsigned integer", literal)
			}
			t.Uint64Data = append(t.Uint64Data, v)
		}
	})
}

func (p *textParser) nodes() []*onnxpb.NodeProto {
	var out []*onnxpb.NodeProto
	p.expect("{")
	for !p.accept("}") {
		out = append(out, p.node())
	}
	return out
}

// node reads [name] y, z = domain.Op <attributes> (x, "", w). The attributes
// may also follow the inputs.
func (p *textParser) node() *onnxpb.NodeProto {
	n := &onnxpb.NodeProto{}
	if p.accept("[") {
		n.Name = proto.String(p.name())
		p.expect("]")
	}
	for {
		n.Output = append(n.Output, p.name())
		if p.accept("=") {
			break
		}
		p.expect(",")
	}
	domain, name := p.operator()
	n.Domain, n.OpType = optional(domain), proto.String(name)
	attributes := func() {
		if p.peek() == '<' {
			p.list("<", ">", func() { n.Attribute = append(n.Attribute, p.attributeValue(p.name())) })
		}
	}
	attributes()
	p.list("(", ")", func() { n.Input = append(n.Input, p.name()) })
	if len(n.Attribute) == 0 {
		attributes()
	}
	return n
}

// attributeKinds are the types that may be written out: name: kind = value.
var attributeKinds = map[string]onnxpb.AttributeProto_AttributeType{
	"float": onnxpb.AttributeProto_FLOAT, "int": onnxpb.AttributeProto_INT, "string": onnxpb.AttributeProto_STRING,
	"tensor": onnxpb.AttributeProto_TENSOR, "floats": onnxpb.AttributeProto_FLOATS, "ints": onnxpb.AttributeProto_INTS,
	"strings": onnxpb.AttributeProto_STRINGS,
}

// attributeValue reads what follows an attribute's name: = value, : kind =
// value, or : kind = @name for the caller's attribute of that name.
func (p *textParser) attributeValue(name string) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: proto.String(name)}
	if p.accept(":") {
		word := p.identifier()
		kind, ok := attributeKinds[word]
		if !ok {
			p.fail("attributes of type %q are not supported", word)
		}
		a.Type = kind.Enum()
	}
	p.expect("=")
	if p.accept("@") {
		if a.Type == nil {
			p.fail("the type of attribute %s must be said", shown(name))
		}
		a.RefAttrName = proto.String(p.name())
		return a
	}
	switch p.peek() {
	case '[':
		p.list("[", "]", func() { p.element(a) })
	case '"':
		p.setKind(a, onnxpb.AttributeProto_STRING)
		a.S = []byte(p.str())
	default:
		p.scalar(a)
	}
	if a.Type == nil {
		p.fail("the type of the empty list %s must be said", shown(name))
	}
	return a
}

// setKind takes the type of a value as the attribute's, or checks it against the
// one that is said. Integers are good where floats are.
func (p *textParser) setKind(a *onnxpb.AttributeProto, kind onnxpb.AttributeProto_AttributeType) {
	switch {
	case a.Type == nil:
		a.Type = kind.Enum()
	case a.GetType() != kind:
		p.fail("attribute %s is %v, not %v", shown(a.GetName()), a.GetType(), kind)
	}
}

// scalar reads a number or a tensor.
func (p *textParser) scalar(a *onnxpb.AttributeProto) {
	start := p.pos
	if p.identifier() != "" && (p.peek() == '[' || p.peek() == '{') {
		p.pos = start
		p.setKind(a, onnxpb.AttributeProto_TENSOR)
		a.T = p.tensorHead()
		p.elements(a.T)
		return
	}
	p.pos = start
	literal := p.number()
	if a.GetType() != onnxpb.AttributeProto_FLOAT && isInteger(literal) {
		p.setKind(a, onnxpb.AttributeProto_INT)
		a.I = proto.Int64(p.parseInt(literal))
		return
	}
	p.setKind(a, onnxpb.AttributeProto_FLOAT)
	a.F = proto.Float32(float32(p.parseFloat(literal, 32)))
}

// element reads an element of a list, whose type the first one gives.
func (p *textParser) element(a *onnxpb.AttributeProto) {
	if p.peek() == '"' {
		p.setKind(a, onnxpb.AttributeProto_STRINGS)
		a.Strings = append(a.Strings, []byte(p.str()))
		return
	}
	literal := p.number()
	if a.GetType() != onnxpb.AttributeProto_FLOATS && isInteger(literal) {
		p.setKind(a, onnxpb.AttributeProto_INTS)
		a.Ints = append(a.Ints, p.parseInt(literal))
		return
	}
	p.setKind(a, onnxpb.AttributeProto_FLOATS)
	a.Floats = append(a.Floats, float32(p.parseFloat(literal, 32)))
}

func isInteger(literal string) bool {
	return literal != "" && strings.Trim(literal, "-0123456789") == ""
}

func (p *textParser) int64() int64 { return p.parseInt(p.number()) }

func (p *textParser) parseInt(literal string) int64 {
	v, err := strconv.ParseInt(literal, 10, 64)
	if err != nil {
		p.fail("%q is no integer of 64 bits", literal)
	}
	return v
}

// parseFloat reads a decimal, inf or nan, rounded once to the given bits.
func (p *textParser) parseFloat(literal string, bits int) float64 {
	v, err := strconv.ParseFloat(literal, bits)
	if err != nil || strings.ContainsAny(literal, "xX_") || math.IsInf(v, 0) && !strings.HasSuffix(literal, "inf") {
		p.fail("%q is no number", literal)
	}
	return v
}
