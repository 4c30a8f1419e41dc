package onnxgraph

import (
	"fmt"
	"slices"
)

// Value is a typed edge of a graph: an input, a constant or a node's output.
type Value struct {
	Name string
	Type
	graph    *Graph
	producer *Node   // nil for inputs and constants
	constant *Tensor // non-nil for constants (ONNX initializers)
	dimNames []string
}

// Graph is the graph that the value belongs to.
func (v *Value) Graph() *Graph { return v.graph }

// Producer is the node that computes the value, nil for inputs and constants.
func (v *Value) Producer() *Node { return v.producer }

// Constant is the value's data if it is known when the graph is built, else nil.
func (v *Value) Constant() *Tensor { return v.constant }

// Rank is the number of dimensions.
func (v *Value) Rank() int { return len(v.Shape) }

// DimNames are the names of an input's Dynamic dimensions ("" for fixed ones);
// nil if all are fixed.
func (v *Value) DimNames() []string { return v.dimNames }

func (v *Value) describe() string {
	if v == nil {
		return "absent"
	}
	return v.Type.String() + " " + v.Name
}

// Node is one application of an operator.
type Node struct {
	Op         *OpSchema
	Name       string // unique in its graph
	Inputs     []*Value
	Outputs    []*Value
	Attributes Attributes
	graph      *Graph
	site       string // file:line of the builder, of operators with a Body
}

// Graph is the graph that the node belongs to.
func (n *Node) Graph() *Graph { return n.graph }

// Graph holds nodes in topological order, by construction: an operator can only
// be applied to values that exist.
type Graph struct {
	Name         string
	nodes        []*Node
	inputs       []*Value
	outputs      []*Value
	constants    []*Value
	names        map[string]bool
	scope        string
	nodeCounts   map[string]int // by scope and operator
	constByBytes map[string]*Value
	fixed        map[string]*Node // by operator: the first that has Fixed attributes
}

// NewGraph makes an empty graph. Most callers use Build.
func NewGraph(name string) *Graph {
	return &Graph{Name: name, names: map[string]bool{}, nodeCounts: map[string]int{}, constByBytes: map[string]*Value{}, fixed: map[string]*Node{}}
}

// Build runs f on a new graph and turns a constructor's panic into an error.
func Build(name string, f func(g *Graph)) (g *Graph, err error) {
	defer func() {
		if r := recover(); r != nil {
			fault, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			g, err = nil, fault
		}
	}()
	g = NewGraph(name)
	f(g)
	return g, nil
}

// Nodes lists the nodes in topological order.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Inputs lists the graph's inputs in the order they were declared.
func (g *Graph) Inputs() []*Value { return g.inputs }

// Outputs lists the graph's outputs in the order they were declared.
func (g *Graph) Outputs() []*Value { return g.outputs }

// Constants lists the values known when the graph is built.
func (g *Graph) Constants() []*Value { return g.constants }

// Input declares an input. Dimensions may be Dynamic.
func (g *Graph) Input(name string, dtype DType, shape ...int) *Value {
	g.claim(name)
	v := &Value{Name: name, Type: Type{dtype, Shape(shape).Clone()}, graph: g}
	if !v.Shape.Static() {
		v.dimNames = make([]string, len(shape))
		for i, d := range shape {
			if d == Dynamic {
				v.dimNames[i] = fmt.Sprintf("%s_dim%d", name, i)
			}
		}
	}
	g.inputs = append(g.inputs, v)
	return v
}

// NameDims names the dimensions of an input, "" for the fixed ones.
func (v *Value) NameDims(names ...string) *Value {
	if len(names) != len(v.Shape) {
		Fail("", nil, "%d dimension names for input %s of rank %d", len(names), v.Name, len(v.Shape))
	}
	v.dimNames = names
	return v
}

// Output makes v an output called name. A value that already has a name that
// others see (an input, a constant, another output) is passed on by Identity.
func (g *Graph) Output(name string, v *Value) *Value {
	if v.graph != g {
		Fail("", nil, "output %s is a value of graph %s, not of %s", name, v.graph.Name, g.Name)
	}
	if v.producer == nil || slices.Contains(g.outputs, v) {
		v = Apply("Identity", nil, v)
	}
	if v.Name != name {
		g.claim(name)
		v.Name = name // the old name stays taken: it is the node's
	}
	g.outputs = append(g.outputs, v)
	return v
}

// Const adds a constant. Equal small constants are one value.
func (g *Graph) Const(t *Tensor) *Value {
	const shareUpTo = 1 << 12 // bytes
	key := ""
	if t.dtype.Size()*t.Size() <= shareUpTo {
		key = t.String() + string(t.Bytes())
		if v := g.constByBytes[key]; v != nil {
			return v
		}
	}
	return g.addConst(g.freeName("const"), key, t)
}

// NamedConst adds a constant under a name of its own, such as a weight's.
func (g *Graph) NamedConst(name string, t *Tensor) *Value {
	g.claim(name)
	return g.addConst(name, "", t)
}

func (g *Graph) addConst(name, key string, t *Tensor) *Value {
	v := &Value{Name: name, Type: Type{t.dtype, t.shape}, graph: g, constant: t}
	g.constants = append(g.constants, v)
	if key != "" {
		g.constByBytes[key] = v
	}
	return v
}

// Scope puts the nodes made until the returned function is called under a name:
//
//	defer g.Scope("blocks.0")()
func (g *Graph) Scope(name string) (leave func()) {
	outer := g.scope
	if g.scope = name; outer != "" {
		g.scope = outer + "/" + name
	}
	return func() { g.scope = outer }
}

// ScopeOf is Scope with the whole path given: gradients of a node go under
// "<node>_grad".
func (g *Graph) ScopeOf(path string) (leave func()) {
	outer := g.scope
	g.scope = path
	return func() { g.scope = outer }
}

// Apply applies an operator ("Add", "com.microsoft.GeluGrad") and returns its
// first output. Inputs that are absent are nil.
func Apply(op string, attributes Attributes, inputs ...*Value) *Value {
	return ApplyNode(op, attributes, inputs...).Outputs[0]
}

// ApplyNode is Apply for operators with several outputs.
func ApplyNode(op string, attributes Attributes, inputs ...*Value) *Node {
	schema := schemas[op]
	if schema == nil {
		Fail(op, inputs, "operator is not registered")
	}
	for len(inputs) > 0 && inputs[len(inputs)-1] == nil { // ONNX leaves trailing absent inputs out
		inputs = inputs[:len(inputs)-1]
	}
	var g *Graph
	for _, v := range inputs {
		switch {
		case v == nil:
		case g == nil:
			g = v.graph
		case g != v.graph:
			Fail(op, inputs, "operands are of different graphs, %s and %s", g.Name, v.graph.Name)
		}
	}
	if g == nil {
		Fail(op, inputs, "operator without operands")
	}
	n, err := g.newNode(schema, attributes, inputs, 0)
	if err != nil {
		panic(newError(op, inputs, err.Error()))
	}
	if schema.Body != nil {
		n.site = callSite()
	}
	g.nameNode(n)
	g.nodes = append(g.nodes, n)
	return n
}

// newNode checks the operands and infers the outputs; it names nothing. Outputs
// is how many the caller has names for, 0 where it takes what comes.
func (g *Graph) newNode(schema *OpSchema, attributes Attributes, inputs []*Value, outputs int) (*Node, error) {
	if least, most := schema.arity(); len(inputs) < least || most >= 0 && len(inputs) > most {
		return nil, fmt.Errorf("takes inputs %v, got %d", schema.Inputs, len(inputs))
	}
	for i, v := range inputs {
		formal := schema.Inputs[min(i, len(schema.Inputs)-1)]
		if v == nil && formal[len(formal)-1] != '?' {
			return nil, fmt.Errorf("input %s is absent", formal)
		}
	}
	for _, name := range attributes.Names() {
		if !isAttribute(attributes[name]) {
			return nil, fmt.Errorf("attribute %s is a Go %T, want one of the types of Attributes", name, attributes[name])
		}
	}
	n := &Node{Op: schema, Inputs: slices.Clone(inputs), Outputs: make([]*Value, outputs), Attributes: attributes, graph: g}
	if schema.Body != nil {
		if err := n.checkDeclared(); err != nil {
			return nil, err
		}
	}
	types, err := schema.Infer(n)
	if err != nil {
		return nil, err
	}
	n.Outputs = nil
	for _, t := range types {
		n.Outputs = append(n.Outputs, &Value{Type: t, graph: g, producer: n})
	}
	if g.fixed[schema.ID()] == nil && slices.ContainsFunc(schema.Attributes, func(a Attribute) bool { return a.Fixed }) {
		g.fixed[schema.ID()] = n
	}
	return n, nil
}

// nameNode gives scope/Op, scope/Op_1, ...: numbers count within a scope, so
// that a node added elsewhere renames nothing here.
func (g *Graph) nameNode(n *Node) {
	base := n.Op.Name
	if g.scope != "" {
		base = g.scope + "/" + base
	}
	n.Name = g.freeName(base)
	n.Outputs[0].Name = n.Name
	for i, v := range n.Outputs[1:] {
		v.Name = n.Name + ":" + formalName(n.Op.Outputs, i+1)
		g.claim(v.Name)
	}
}

func (g *Graph) freeName(base string) string {
	for {
		name := base
		if k := g.nodeCounts[base]; k > 0 {
			name = fmt.Sprintf("%s_%d", base, k)
		}
		g.nodeCounts[base]++
		if !g.names[name] {
			g.names[name] = true
			return name
		}
	}
}

func (g *Graph) claim(name string) {
	if name == "" || g.names[name] {
		Fail("", nil, "graph %s: the name %q is empty or taken", g.Name, name)
	}
	g.names[name] = true
}

// formalName is the specification's name of the i-th input or output.
func formalName(names []string, i int) string {
	last := len(names) - 1
	name := names[min(i, last)]
	if base, ok := cutSuffixAny(name, "...", "?"); ok {
		name = base
	}
	if i >= last && i > 0 && len(names[last]) > 3 && names[last][len(names[last])-3:] == "..." {
		return fmt.Sprintf("%s%d", name, i-last)
	}
	return name
}

func cutSuffixAny(s string, suffixes ...string) (string, bool) {
	for _, suffix := range suffixes {
		if len(s) > len(suffix) && s[len(s)-len(suffix):] == suffix {
			return s[:len(s)-len(suffix)], true
		}
	}
	return s, false
}
