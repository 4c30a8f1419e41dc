package onnxgraph

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"pmx/internal/onnxpb"
)

const (
	// maxNodes bounds the nodes of a model after its functions are inlined:
	// functions that call functions could otherwise grow without end.
	maxNodes = 1 << 17
	// maxCallDepth bounds how deep functions call each other.
	maxCallDepth = 32
	// maxNameBytes bounds all names made up for inlined nodes together: each is as
	// long as the names of all callers.
	maxNameBytes = 1 << 27
)

// decoder turns messages into a graph.
type decoder struct {
	g         *Graph
	functions map[string]*onnxpb.FunctionProto // by operator ID
	external  externalReader
	nodeNames map[string]bool
	nodes     int
	nameBytes int
}

// frame is the place that nodes are decoded in: the graph itself or a call of a
// function.
type frame struct {
	values     map[string]*Value // nil for an optional input that is absent
	made       map[*Value]bool   // those of values that nodes of this frame compute
	prefix     string            // of the names of nodes and values; "" in the graph itself
	attributes map[string]*onnxpb.AttributeProto
	depth      int
}

func (o ReadOptions) decode(message *onnxpb.ModelProto, external externalReader) (*Model, error) {
	if message.Graph == nil {
		return nil, fmt.Errorf("it holds no graph, so it is not an ONNX model")
	}
	if !o.AnyOpset {
		if err := checkOpsets(message.OpsetImport); err != nil {
			return nil, err
		}
	}
	d := &decoder{
		g: NewGraph(message.Graph.GetName()), external: external,
		functions: map[string]*onnxpb.FunctionProto{}, nodeNames: map[string]bool{},
	}
	for _, f := range message.Functions {
		id := opID(f.GetDomain(), f.GetName())
		if d.functions[id] != nil {
			return nil, fmt.Errorf("function %s is defined twice", id)
		}
		if !o.AnyOpset && schemas[id] == nil { // a registered operator's body is not read
			if err := checkOpsets(f.OpsetImport); err != nil {
				return nil, fmt.Errorf("function %s: %w", id, err)
			}
		}
		d.functions[id] = f
	}
	if err := d.checkOperators(message.Graph); err != nil {
		return nil, err
	}
	if err := d.graph(message.Graph); err != nil {
		return nil, err
	}
	m := &Model{Graph: d.g, Producer: message.GetProducerName(), ProducerVersion: message.GetProducerVersion(), Doc: message.GetDocString()}
	for _, p := range message.MetadataProps {
		if _, taken := m.Metadata[p.GetKey()]; taken {
			return nil, fmt.Errorf("metadata property %q is given twice", p.GetKey())
		}
		if m.Metadata == nil {
			m.Metadata = map[string]string{}
		}
		m.Metadata[p.GetKey()] = p.GetValue()
	}
	return m, nil
}

// checkOpsets refuses versions whose operators may mean something else.
func checkOpsets(imports []*onnxpb.OperatorSetIdProto) error {
	standard := false
	for _, set := range imports {
		domain, version := set.GetDomain(), set.GetVersion()
		switch {
		case domain == "" || domain == "ai.onnx":
			if standard = true; version != Opset {
				return fmt.Errorf("it is written for opset %d, pmx runs opset %d: convert it with onnx.version_converter", version, Opset)
			}
		case (domain == DomainMicrosoft || domain == DomainPMX) && version != 1:
			return fmt.Errorf("it is written for version %d of operator set %s, pmx knows version 1", version, domain)
		}
	}
	if !standard {
		return fmt.Errorf("it does not say which opset it is written for")
	}
	return nil
}

// checkOperators lists in one error every operator that is neither registered
// nor a function, and refuses functions that call themselves.
func (d *decoder) checkOperators(g *onnxpb.GraphProto) error {
	unknown := map[string]bool{}
	const visiting, done = 1, 2
	state := map[string]int{}
	var check func(nodes []*onnxpb.NodeProto) error
	check = func(nodes []*onnxpb.NodeProto) error {
		for _, n := range nodes {
			id := opID(n.GetDomain(), n.GetOpType())
			f := d.functions[id]
			switch {
			case schemas[id] != nil || id == "Constant" || state[id] == done:
			case f == nil:
				unknown[id] = true
			case state[id] == visiting:
				return fmt.Errorf("function %s calls itself", id)
			case len(state) > maxNodes:
				return fmt.Errorf("more than %d functions", maxNodes)
			default:
				state[id] = visiting
				if err := check(f.Node); err != nil {
					return err
				}
				state[id] = done
			}
		}
		return nil
	}
	if err := check(g.Node); err != nil {
		return err
	}
	if len(unknown) == 0 {
		return nil
	}
	ids := make([]string, 0, len(unknown))
	for id := range unknown {
		ids = append(ids, shown(id))
	}
	slices.Sort(ids)
	const most = 10
	if more := len(ids) - most; more > 0 {
		ids = append(ids[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("it uses operators that pmx does not run: %s", strings.Join(ids, ", "))
}

// shown is a name in an error: bare where it reads as one word, else quoted, so
// that the error stays one line, and cut where it is long.
func shown(name string) string {
	const most = 120
	word := name != "" && len(name) <= most
	for i := 0; word && i < len(name); i++ {
		word = isIdentifierByte(name[i], false) || strings.IndexByte("./:-", name[i]) >= 0
	}
	if word {
		return name
	}
	return fmt.Sprintf("%.*q", most, name)
}

func (d *decoder) graph(message *onnxpb.GraphProto) error {
	if d.g.Name == "" {
		d.g.Name = "graph"
	}
	if !utf8.ValidString(d.g.Name) {
		return fmt.Errorf("the graph's name %q is not UTF-8", d.g.Name)
	}
	if len(message.SparseInitializer) > 0 {
		return fmt.Errorf("sparse initializers are not supported")
	}
	f := &frame{values: map[string]*Value{}, made: map[*Value]bool{}}
	if err := d.claimNames(message); err != nil {
		return err
	}
	for _, t := range message.Initializer {
		if err := d.initializer(f, t); err != nil {
			return fmt.Errorf("initializer %s: %w", shown(t.GetName()), err)
		}
	}
	for _, info := range message.Input {
		if err := d.input(f, info); err != nil {
			return fmt.Errorf("input %s: %w", shown(info.GetName()), err)
		}
	}
	if err := d.nodeList(f, message.Node); err != nil {
		return err
	}
	if len(message.Output) == 0 {
		return fmt.Errorf("the graph has no outputs")
	}
	for _, info := range message.Output {
		if err := d.output(f, info); err != nil {
			return fmt.Errorf("output %s: %w", shown(info.GetName()), err)
		}
	}
	return nil
}

// claimNames takes all names of the file before any node is made, so that names
// made up here (for absent outputs, inlined nodes) differ from them.
func (d *decoder) claimNames(message *onnxpb.GraphProto) error {
	claim := func(name, by string) error {
		switch {
		case name == "":
			return fmt.Errorf("%s has no name", by)
		case !utf8.ValidString(name):
			return fmt.Errorf("%s: the name %q is not UTF-8", by, name)
		case d.g.names[name]:
			return fmt.Errorf("%s: the name %s is taken by an earlier value", by, shown(name))
		}
		d.g.names[name] = true
		return nil
	}
	constant := map[string]bool{}
	for _, t := range message.Initializer {
		if err := claim(t.GetName(), "initializer "+shown(t.GetName())); err != nil {
			return err
		}
		constant[t.GetName()] = true
	}
	for _, info := range message.Input {
		if constant[info.GetName()] {
			constant[info.GetName()] = false // once
			continue
		}
		if err := claim(info.GetName(), "input "+shown(info.GetName())); err != nil {
			return err
		}
	}
	for i, n := range message.Node {
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			if err := claim(name, nodeLabel(n, i)); err != nil {
				return err
			}
		}
	}
	for _, n := range message.Node {
		if n.GetName() != "" {
			d.g.names[n.GetName()] = true
		}
	}
	return nil
}

// nodeLabel names a node in an error.
func nodeLabel(n *onnxpb.NodeProto, index int) string {
	op := shown(opID(n.GetDomain(), n.GetOpType()))
	if n.GetName() == "" {
		return fmt.Sprintf("node %d (%s)", index, op)
	}
	return fmt.Sprintf("node %s (%s)", shown(n.GetName()), op)
}

func (d *decoder) initializer(f *frame, t *onnxpb.TensorProto) error {
	data, err := decodeTensor(t, d.external)
	if err != nil {
		return err
	}
	t.RawData = nil // free before the next one is read
	f.values[t.GetName()] = d.g.addConst(t.GetName(), "", data)
	return nil
}

// input declares an input. One that has an initializer is a default value in
// ONNX; models of IR version 3 list all their weights so. It is read as constant.
func (d *decoder) input(f *frame, info *onnxpb.ValueInfoProto) error {
	t, names, err := decodeType(info.GetType())
	if err != nil {
		return err
	}
	if v := f.values[info.GetName()]; v != nil {
		return agree(v.Type, t)
	}
	v := &Value{Name: info.GetName(), Type: t, graph: d.g, dimNames: names}
	d.g.inputs = append(d.g.inputs, v)
	f.values[v.Name] = v
	return nil
}

// output makes a value an output, by way of Identity where the file names a
// value that the graph cannot give under that name itself.
func (d *decoder) output(f *frame, info *onnxpb.ValueInfoProto) error {
	name := info.GetName()
	v := f.values[name]
	if v == nil {
		return fmt.Errorf("nothing computes it")
	}
	if v.Name == name {
		if v.producer == nil {
			return fmt.Errorf("it is an input or a constant of the same name: pass it on by Identity")
		}
		if slices.Contains(d.g.outputs, v) {
			return fmt.Errorf("it is listed twice")
		}
		d.g.outputs = append(d.g.outputs, v)
	} else {
		delete(d.g.names, name)
		v = d.g.Output(name, v)
	}
	if info.Type == nil {
		return nil // the type is inferred in any case
	}
	if tensor := info.Type.GetTensorType(); tensor != nil && tensor.Shape == nil {
		return agree(v.Type, Type{DType(tensor.GetElemType()), v.Shape})
	}
	t, names, err := decodeType(info.Type)
	if err != nil {
		return err
	}
	if !v.Shape.Static() && strings.Join(names, "") != "" {
		v.dimNames = names
	}
	return agree(v.Type, t)
}

// agree compares what is known of a value with what the file declares.
func agree(have, declared Type) error {
	fits := have.DType == declared.DType && len(have.Shape) == len(declared.Shape)
	for i := range have.Shape {
		if fits && have.Shape[i] != Dynamic && declared.Shape[i] != Dynamic && have.Shape[i] != declared.Shape[i] {
			fits = false
		}
	}
	if !fits {
		return fmt.Errorf("it is declared as %v and is %v", declared, have)
	}
	return nil
}

// decodeType reads a tensor type. Dimensions without a value are Dynamic; names
// are theirs, nil if all dimensions are fixed.
func decodeType(message *onnxpb.TypeProto) (t Type, names []string, err error) {
	tensor := message.GetTensorType()
	if tensor == nil {
		return Type{}, nil, fmt.Errorf("only tensors are supported, it is %s", typeKind(message))
	}
	t.DType = DType(tensor.GetElemType())
	if t.DType.Size() == 0 {
		return Type{}, nil, fmt.Errorf("elements of type %v are not supported", t.DType)
	}
	if tensor.Shape == nil {
		return Type{}, nil, fmt.Errorf("its number of dimensions is not known")
	}
	known := make([]int64, 0, len(tensor.Shape.Dim))
	t.Shape = make(Shape, len(tensor.Shape.Dim))
	for i, dim := range tensor.Shape.Dim {
		if v, fixed := dim.Value.(*onnxpb.TensorShapeProto_Dimension_DimValue); fixed {
			t.Shape[i] = int(v.DimValue)
			known = append(known, v.DimValue)
			continue
		}
		if !utf8.ValidString(dim.GetDimParam()) {
			return Type{}, nil, fmt.Errorf("the name %q of dimension %d is not UTF-8", dim.GetDimParam(), i)
		}
		t.Shape[i] = Dynamic
		if names == nil {
			names = make([]string, len(t.Shape))
		}
		names[i] = dim.GetDimParam()
	}
	if _, err := CheckedSize(known, maxElements); err != nil {
		return Type{}, nil, err
	}
	return t, names, nil
}

// typeKind says what a type that is no tensor is.
func typeKind(t *onnxpb.TypeProto) string {
	switch t.GetValue().(type) {
	case *onnxpb.TypeProto_TensorType:
		return "a tensor"
	case *onnxpb.TypeProto_SequenceType:
		return "a sequence"
	case *onnxpb.TypeProto_MapType:
		return "a map"
	case *onnxpb.TypeProto_OptionalType:
		return "an optional"
	case *onnxpb.TypeProto_SparseTensorType:
		return "a sparse tensor"
	case *onnxpb.TypeProto_OpaqueType:
		return "opaque"
	}
	return "of no type"
}

func (d *decoder) nodeList(f *frame, nodes []*onnxpb.NodeProto) error {
	for i, n := range nodes {
		if d.nodes++; d.nodes > maxNodes {
			return fmt.Errorf("more than %d nodes, functions inlined", maxNodes)
		}
		if d.nameBytes += len(f.prefix) * (1 + len(n.Output)); d.nameBytes > maxNameBytes {
			return fmt.Errorf("the names of inlined nodes are longer than %d bytes together", maxNameBytes)
		}
		if err := d.node(f, n); err != nil {
			return fmt.Errorf("%s: %w", nodeLabel(n, i), err)
		}
	}
	return nil
}

func (d *decoder) node(f *frame, n *onnxpb.NodeProto) error {
	for _, name := range append([]string{n.GetName()}, n.Output...) {
		if !utf8.ValidString(name) {
			return fmt.Errorf("the name %q is not UTF-8", name)
		}
	}
	in := make([]*Value, len(n.Input))
	for i, name := range n.Input {
		v, known := f.values[name]
		if name != "" && !known {
			return fmt.Errorf("it reads %s, which nothing before it computes", shown(name))
		}
		in[i] = v
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	attributes, err := f.resolve(n.Attribute)
	if err != nil {
		return err
	}
	id := opID(n.GetDomain(), n.GetOpType())
	if id == "Constant" && schemas[id] == nil {
		return d.constant(f, n, attributes)
	}
	schema := schemas[id]
	if schema == nil {
		return d.call(f, n, d.functions[id], in, attributes)
	}
	values, err := decodeAttributes(attributes)
	if err != nil {
		return err
	}
	made, err := d.infer(schema, values, in, len(n.Output))
	if err != nil {
		return err
	}
	return d.addNode(f, n, made)
}

// infer makes a node. Shape inference is written for graphs that constructors
// build; whatever else a file asks of it must not end the program.
func (d *decoder) infer(schema *OpSchema, attributes Attributes, in []*Value, outputs int) (n *Node, err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case *Error:
			n, err = nil, fmt.Errorf("%s", fault.Reason)
		case runtime.Error:
			n, err = nil, fmt.Errorf("shape inference failed on %s: %w", listOf(in, (*Value).describe), fault)
		default:
			panic(fault)
		}
	}()
	return d.g.newNode(schema, attributes, in, outputs)
}

// addNode names a node and its outputs as the file does.
func (d *decoder) addNode(f *frame, message *onnxpb.NodeProto, n *Node) error {
	if extra := len(message.Output) - len(n.Outputs); extra > 0 {
		if named := slices.IndexFunc(message.Output[len(n.Outputs):], func(s string) bool { return s != "" }); named >= 0 {
			return fmt.Errorf("it has %d outputs, the file lists %d", len(n.Outputs), len(message.Output))
		}
	}
	n.Name = d.nodeName(f, message)
	for i, v := range n.Outputs {
		name := ""
		if i < len(message.Output) {
			name = message.Output[i]
		}
		switch {
		case name == "":
			v.Name = d.g.freeName(n.Name + ":" + formalName(n.Op.Outputs, i))
		default:
			if err := d.bind(f, name, v); err != nil {
				return err
			}
		}
	}
	d.g.nodes = append(d.g.nodes, n)
	return nil
}

// nodeName gives the file's name, or the first output's where it has none. The
// specification wants node names unique; many files do not keep to it.
func (d *decoder) nodeName(f *frame, n *onnxpb.NodeProto) string {
	name := n.GetName()
	for i := 0; name == "" && i < len(n.Output); i++ {
		name = n.Output[i]
	}
	if name == "" {
		name = n.GetOpType()
	}
	name = f.prefix + name
	if d.nodeNames[name] {
		name = d.g.freeName(name)
	}
	d.nodeNames[name] = true
	d.g.names[name] = true
	return name
}

// bind makes a value known under a name of the frame.
func (d *decoder) bind(f *frame, name string, v *Value) error {
	if _, taken := f.values[name]; taken {
		return fmt.Errorf("the name %s is taken by an earlier value", shown(name))
	}
	f.values[name] = v
	f.made[v] = v.producer != nil
	if f.prefix == "" {
		v.Name = name // claimed at the start
	} else {
		v.Name = d.g.freeName(f.prefix + name)
	}
	return nil
}

// constant reads a Constant node as a constant of the graph.
func (d *decoder) constant(f *frame, n *onnxpb.NodeProto, attributes map[string]*onnxpb.AttributeProto) error {
	if len(attributes) != 1 || len(n.Output) != 1 || n.Output[0] == "" {
		return fmt.Errorf("want one attribute and one output")
	}
	values, err := decodeAttributes(attributes)
	if err != nil {
		return err
	}
	for name, value := range values {
		t := constantTensor(name, value)
		if t == nil {
			return fmt.Errorf("attribute %s is not supported", shown(name))
		}
		return d.bind(f, n.Output[0], d.g.addConst("", "", t))
	}
	return nil
}

// constantTensor gives the tensor that an attribute of Constant stands for, nil
// for those that are no numbers.
func constantTensor(name string, value any) *Tensor {
	switch v := value.(type) {
	case *Tensor:
		if name == "value" {
			return v
		}
	case float32:
		if name == "value_float" {
			return ScalarTensor(v)
		}
	case int64:
		if name == "value_int" {
			return ScalarTensor(v)
		}
	case []float32:
		if name == "value_floats" {
			return NewTensor([]int{len(v)}, v)
		}
	case []int64:
		if name == "value_ints" {
			return NewTensor([]int{len(v)}, v)
		}
	}
	return nil
}

// call inlines a function.
func (d *decoder) call(f *frame, n *onnxpb.NodeProto, function *onnxpb.FunctionProto, in []*Value, attributes map[string]*onnxpb.AttributeProto) error {
	if f.depth >= maxCallDepth {
		return fmt.Errorf("functions call each other more than %d deep", maxCallDepth)
	}
	if len(in) > len(function.Input) || len(n.Output) > len(function.Output) {
		return fmt.Errorf("it has %d inputs and %d outputs, the function has %d and %d",
			len(in), len(n.Output), len(function.Input), len(function.Output))
	}
	inner := &frame{
		values: map[string]*Value{}, made: map[*Value]bool{},
		prefix: d.nodeName(f, n) + "/", attributes: attributes, depth: f.depth + 1,
	}
	for _, a := range function.AttributeProto {
		if inner.attributes[a.GetName()] == nil {
			inner.attributes[a.GetName()] = a
		}
	}
	for i, name := range function.Input {
		if _, taken := inner.values[name]; taken || name == "" {
			return fmt.Errorf("the function's input %d has the name %s, which is empty or taken", i, shown(name))
		}
		inner.values[name] = nil
		if i < len(in) {
			inner.values[name] = in[i]
		}
	}
	if err := d.nodeList(inner, function.Node); err != nil {
		return err
	}
	for i, name := range n.Output {
		if name == "" {
			continue
		}
		v := inner.values[function.Output[i]]
		if v == nil {
			return fmt.Errorf("the function does not compute its output %s", shown(function.Output[i]))
		}
		// A value computed by this call takes the name that the caller gives it,
		// the first one if the function lists it twice.
		if !inner.made[v] {
			if _, taken := f.values[name]; taken {
				return fmt.Errorf("the name %s is taken by an earlier value", shown(name))
			}
			f.values[name] = v
			continue
		}
		delete(inner.made, v)
		if err := d.bind(f, name, v); err != nil {
			return err
		}
	}
	return nil
}
