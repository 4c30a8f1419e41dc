package onnxgraph

import (
	"fmt"
	"maps"
	"slices"
)

// Function is a model-local function: the body of an operator that a runtime
// may have no kernel for.
type Function struct {
	Domain, Name string
	// Body's inputs and outputs carry the operator's formal names. Its nodes take
	// the operator's attributes by reference.
	Body *Graph
}

// Functions collects the functions that the graph's nodes need, bodies of
// bodies included, sorted by ID. A model holds one body per name: nodes whose bodies
// differ by more than what their attributes say are an error.
func (g *Graph) Functions() ([]*Function, error) {
	type known struct {
		*Function
		text string
		of   *Node // the body was built for
	}
	byID := map[string]known{}
	checked := map[string]bool{} // operator, attributes and operand types already compared
	var collect func(g *Graph) error
	collect = func(g *Graph) error {
		for _, n := range g.nodes {
			if n.Op.Body == nil || n.Op.Domain == "" {
				continue
			}
			id := n.Op.ID()
			key := fmt.Sprint(id, n.Attributes, operandTypes(n))
			if checked[key] {
				continue
			}
			checked[key] = true
			body, err := bodyGraph(n, n.decomposeByReference)
			if err != nil {
				return err
			}
			text := body.untypedText()
			first, ok := byID[id]
			if !ok {
				byID[id] = known{&Function{Domain: n.Op.Domain, Name: n.Op.Name, Body: body}, text, n}
			} else if first.text != text {
				fault := newError(id, n.Inputs, fmt.Sprintf("node %s needs another body than %s, but a model holds one: "+
					"it may depend neither on which operands are given, their types and sizes, nor on attributes that are not Fixed", n.Name, first.of.place()))
				fault.Site = n.site
				return fault
			}
			if err := collect(body); err != nil {
				return err
			}
		}
		return nil
	}
	if err := collect(g); err != nil {
		return nil, err
	}
	out := make([]*Function, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		out = append(out, byID[id].Function)
	}
	return out, nil
}

func operandTypes(n *Node) []string {
	var out []string
	for _, v := range n.Inputs {
		if v == nil {
			out = append(out, "absent")
		} else {
			out = append(out, v.Type.String())
		}
	}
	return out
}

// bodyGraph builds the body of a node's operator as a graph of its own, decomposed
// by value or by reference.
func bodyGraph(n *Node, decompose func(in []*Value) []*Value) (*Graph, error) {
	return Build(n.Op.Name, func(g *Graph) {
		in := make([]*Value, len(n.Inputs))
		for i, v := range n.Inputs {
			if v != nil {
				in[i] = g.Input(formalName(n.Op.Inputs, i), v.DType, v.Shape...)
			}
		}
		for i, v := range decompose(in) {
			if i < len(n.Outputs) {
				g.Output(formalName(n.Op.Outputs, i), v)
			}
		}
	})
}

// Inline replaces every node whose operator keep refuses by its body, so that
// what is left are standard operators (keep nil keeps only the default domain).
func (g *Graph) Inline(keep func(*OpSchema) bool) (*Graph, error) {
	if keep == nil {
		keep = func(s *OpSchema) bool { return s.Domain == "" }
	}
	return g.rewrite(func(n *Node, in []*Value) []*Value {
		if n.Op.Body == nil || keep(n.Op) {
			return nil
		}
		defer firstGraph(in).ScopeOf(n.Name)()
		return n.Decompose(in)
	}, keep)
}

func firstGraph(in []*Value) *Graph {
	for _, v := range in {
		if v != nil {
			return v.graph
		}
	}
	return nil
}
