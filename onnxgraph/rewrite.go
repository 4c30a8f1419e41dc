package onnxgraph

import (
	"fmt"
	"slices"
	"strings"
)

// rewrite copies the graph node by node. Where replace gives values, they stand
// for the node's outputs; where it gives nil, the node is copied. It repeats
// until done accepts every operator (done nil: once), since a replacement may
// hold nodes to replace.
func (g *Graph) rewrite(replace func(n *Node, in []*Value) []*Value, done func(*OpSchema) bool) (*Graph, error) {
	out, err := Build(g.Name, func(dst *Graph) { g.copyInto(dst, replace) })
	if err != nil || done == nil {
		return out, err
	}
	for _, n := range out.nodes {
		if !done(n.Op) && n.Op.Body != nil {
			return out.rewrite(replace, done)
		}
	}
	return out, nil
}

func (g *Graph) copyInto(dst *Graph, replace func(n *Node, in []*Value) []*Value) {
	image := map[*Value]*Value{}
	// Names that others see are taken first, so that no new node gets one.
	for _, v := range g.inputs {
		w := dst.Input(v.Name, v.DType, v.Shape...)
		w.dimNames = v.dimNames
		image[v] = w
	}
	for _, v := range g.outputs {
		dst.names[v.Name] = true
	}
	for _, v := range g.constants {
		if isConstName(v.Name) {
			image[v] = dst.Const(v.constant)
		} else {
			image[v] = dst.NamedConst(v.Name, v.constant)
		}
	}
	for _, n := range g.nodes {
		in := make([]*Value, len(n.Inputs))
		for i, v := range n.Inputs {
			if v != nil {
				in[i] = image[v]
			}
		}
		if by := replace(n, in); by != nil {
			for i, v := range n.Outputs {
				if i < len(by) {
					image[v] = by[i]
				}
			}
			continue
		}
		c := dst.copyNode(n, in)
		for i, v := range n.Outputs {
			if i < len(c.Outputs) {
				image[v] = c.Outputs[i]
			}
		}
	}
	for _, v := range g.outputs {
		if image[v].Name != v.Name {
			delete(dst.names, v.Name)
		}
		w := dst.Output(v.Name, image[v])
		if v.dimNames != nil {
			w.dimNames = v.dimNames
		}
	}
}

// isConstName reports whether Const may have made the name: const, const_1, ...
func isConstName(name string) bool {
	rest, ok := strings.CutPrefix(name, "const")
	return ok && (rest == "" || rest[0] == '_' && rest != "_" && strings.Trim(rest[1:], "0123456789") == "")
}

// copyNode applies a node's operator to other operands, keeping the names.
func (g *Graph) copyNode(n *Node, in []*Value) *Node {
	c, err := g.newNode(n.Op, n.Attributes, in, len(n.Outputs))
	if err != nil {
		panic(newError(n.Op.ID(), in, fmt.Sprintf("node %s: %v", n.Name, err)))
	}
	for _, v := range n.Outputs {
		if slices.Contains(n.graph.outputs, v) {
			delete(g.names, v.Name) // taken for this value
		}
	}
	c.site = n.site
	c.Name = g.keepName(n.Name)
	for i, v := range c.Outputs {
		if v.Name = n.Outputs[i].Name; i == 0 && v.Name == n.Name {
			v.Name = c.Name
		} else {
			v.Name = g.keepName(v.Name)
		}
	}
	g.nodes = append(g.nodes, c)
	return c
}

// keepName takes the name if it is free, else a numbered one.
func (g *Graph) keepName(name string) string {
	if !g.names[name] {
		g.names[name] = true
		return name
	}
	return g.freeName(name)
}

// Optimize gives an equal graph without identities, without work on constants
// only, without equal nodes twice, and without nodes that no output needs.
// Inputs and outputs keep their names and order.
func (g *Graph) Optimize() (*Graph, error) {
	for _, pass := range []func(*Graph) (*Graph, error){StripIdentities, FoldConstants, MergeEqualNodes, Prune} {
		var err error
		if g, err = pass(g); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// StripIdentities removes Identity and pmx.StopGradient: autodiff has run.
func StripIdentities(g *Graph) (*Graph, error) {
	return g.rewrite(func(n *Node, in []*Value) []*Value {
		if id := n.Op.ID(); id == "Identity" || id == "pmx.StopGradient" {
			return in
		}
		return nil
	}, nil)
}

// FoldConstants evaluates nodes of the default domain whose operands are all
// constants, where the result has at most 65,536 elements.
func FoldConstants(g *Graph) (*Graph, error) {
	const largest = 1 << 16
	return g.rewrite(func(n *Node, in []*Value) []*Value {
		if n.Op.Domain != "" || n.Op.Eval == nil {
			return nil
		}
		data := make([]*Tensor, len(in))
		for i, v := range in {
			if v == nil {
				continue
			}
			if v.constant == nil {
				return nil
			}
			data[i] = Widen(v.constant)
		}
		for _, v := range n.Outputs {
			if size := v.Shape.Size(); size == Dynamic || size > largest {
				return nil
			}
		}
		out, err := evalNode(n, data)
		if err != nil {
			return nil // leave the fault to the runtime, which names the node
		}
		by := make([]*Value, len(n.Outputs))
		for i, v := range n.Outputs {
			t := out[i]
			if v.DType == Float32 {
				t = Narrow(t)
			}
			if t.dtype != v.DType {
				return nil
			}
			by[i] = firstGraph(in).Const(t)
		}
		return by
	}, nil)
}

// MergeEqualNodes keeps one of several nodes that apply one operator with equal
// attributes to the same values.
func MergeEqualNodes(g *Graph) (*Graph, error) {
	seen := map[string][]*Value{}
	return g.rewrite(func(n *Node, in []*Value) []*Value {
		var b strings.Builder
		fmt.Fprint(&b, n.Op.ID(), n.Attributes, len(n.Outputs))
		for _, v := range in {
			fmt.Fprintf(&b, "|%p", v)
		}
		key := b.String()
		if by := seen[key]; by != nil {
			return by
		}
		seen[key] = firstGraph(in).copyNode(n, in).Outputs
		return seen[key]
	}, nil)
}

// Prune removes nodes and constants that no output needs.
func Prune(g *Graph) (*Graph, error) {
	needed := map[*Node]bool{}
	usedConst := map[*Value]bool{}
	var visit func(v *Value)
	visit = func(v *Value) {
		if v == nil {
			return
		}
		if v.constant != nil {
			usedConst[v] = true
		}
		if v.producer == nil || needed[v.producer] {
			return
		}
		needed[v.producer] = true
		for _, in := range v.producer.Inputs {
			visit(in)
		}
	}
	for _, v := range g.outputs {
		visit(v)
	}
	lean := &Graph{Name: g.Name, inputs: g.inputs, outputs: g.outputs}
	for _, v := range g.constants {
		if usedConst[v] {
			lean.constants = append(lean.constants, v)
		}
	}
	for _, n := range g.nodes {
		if needed[n] {
			lean.nodes = append(lean.nodes, n)
		}
	}
	return lean.rewrite(func(*Node, []*Value) []*Value { return nil }, nil)
}
