package onnxgraph

import (
	"fmt"
	"slices"
)

// Function is a model-local function: the body of an operator that a runtime
// may have no kernel for.
type Function struct {
	Domain, Name string
	// Body's inputs and outputs carry the operator's formal names.
	Body *Graph
}

// Functions collects the functions that the graph's nodes need, bodies of
// bodies included, sorted by ID. Two nodes of one operator whose bodies differ
// are an error, because a model holds one body per name.
func (g *Graph) Functions() ([]*Function, error) {
	byID := map[string]*Function{}
	text := map[string]string{}
	checked := map[string]bool{} // operator and operand ranks already compared
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
			body, err := bodyGraph(n)
			if err != nil {
				return err
			}
			switch known := text[id]; {
			case known == "":
				text[id] = body.untypedText()
				byID[id] = &Function{Domain: n.Op.Domain, Name: n.Op.Name, Body: body}
				if err := collect(body); err != nil {
					return err
				}
			case known != body.untypedText():
				return fmt.Errorf("onnxgraph: function %s: node %s needs another body than the first, and a model holds one: it must not depend on sizes, and all nodes need the same attributes, not %v here", id, n.Name, n.Attributes)
			}
		}
		return nil
	}
	if err := collect(g); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := make([]*Function, len(ids))
	for i, id := range ids {
		out[i] = byID[id]
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

// bodyGraph builds the body of a node's operator as a graph of its own.
func bodyGraph(n *Node) (*Graph, error) {
	return Build(n.Op.Name, func(g *Graph) {
		in := make([]*Value, len(n.Inputs))
		for i, v := range n.Inputs {
			if v != nil {
				in[i] = g.Input(formalName(n.Op.Inputs, i), v.DType, v.Shape...)
			}
		}
		for i, v := range n.Op.Body(n, in) {
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
		return n.Op.Body(&Node{Op: n.Op, Name: n.Name, Inputs: in, Outputs: n.Outputs, Attributes: n.Attributes, graph: firstGraph(in)}, in)
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
