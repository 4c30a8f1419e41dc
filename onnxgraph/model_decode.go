package onnxgraph

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"pmx/internal/onnxpb"
)

// defaultMaxNodes is ReadOptions.MaxNodes where that is 0: some ten times the
// largest training step that pmx writes.
const defaultMaxNodes = 1 << 17

// decoder turns messages into a graph.
type decoder struct {
	g         *Graph
	functions map[string]*onnxpb.FunctionProto // by operator ID
	external  externalReader
	nodeNames map[string]bool
	nodes     int
	maxNodes  int
	nameBytes int
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
		functions: map[string]*onnxpb.FunctionProto{}, nodeNames: map[string]bool{}, maxNodes: o.MaxNodes,
	}
	if d.maxNodes == 0 {
		d.maxNodes = defaultMaxNodes
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
			case len(state) > d.maxNodes:
				return fmt.Errorf("more than %d functions", d.maxNodes)
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
