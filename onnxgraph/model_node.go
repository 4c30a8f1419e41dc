package onnxgraph

import (
	"fmt"
	"runtime"
	"slices"
	"unicode/utf8"

	"pmx/internal/onnxpb"
)

const (
	// maxCallDepth bounds how deep functions call each other.
	maxCallDepth = 32
	// maxNameBytes bounds all names made up for inlined nodes together: each is as
	// long as the names of all callers.
	maxNameBytes = 1 << 27
)

// frame is the place that nodes are decoded in: the graph itself or a call of a
// function.
type frame struct {
	values     map[string]*Value // nil for an optional input that is absent
	made       map[*Value]bool   // those of values that nodes of this frame compute
	prefix     string            // of the names of nodes and values; "" in the graph itself
	attributes map[string]*onnxpb.AttributeProto
	depth      int
}

// nodeLabel names a node in an error.
func nodeLabel(n *onnxpb.NodeProto, index int) string {
	op := shown(opID(n.GetDomain(), n.GetOpType()))
	if n.GetName() == "" {
		return fmt.Sprintf("node %d (%s)", index, op)
	}
	return fmt.Sprintf("node %s (%s)", shown(n.GetName()), op)
}

func (d *decoder) nodeList(f *frame, nodes []*onnxpb.NodeProto) error {
	for i, n := range nodes {
		if d.nodes++; d.nodes > d.maxNodes {
			return fmt.Errorf("more than %d nodes, functions inlined", d.maxNodes)
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

// infer makes a node and bounds its outputs. Shape inference is written for graphs that constructors
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
	if n, err = d.g.newNode(schema, attributes, in, outputs); err != nil {
		return nil, err
	}
	for _, v := range n.Outputs {
		if err := checkInferred(v.Shape, maxElements); err != nil {
			return nil, fmt.Errorf("its output would be too large: %w", err)
		}
	}
	return n, nil
}

// checkInferred bounds a shape that follows from others, as decodeType does one
// that a file declares: operands of honest sizes broadcast, tile and expand to
// more elements than an int counts.
func checkInferred(s Shape, limit int64) error {
	known := slices.DeleteFunc(s.Int64(), func(d int64) bool { return d == Dynamic })
	_, err := CheckedSize(known, limit)
	return err
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
		if name == "" {
			v.Name = d.g.freeName(n.Name + ":" + formalName(n.Op.Outputs, i))
		} else if err := d.bind(f, name, v); err != nil {
			return err
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
