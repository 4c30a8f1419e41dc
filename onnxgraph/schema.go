package onnxgraph

import (
	"fmt"
	"slices"
	"strings"
)

// Domains of operators beside the default one ("").
const (
	// DomainMicrosoft holds operators that ONNX Runtime or ONNX Runtime
	// Training have kernels for, with their inputs, outputs and attributes.
	DomainMicrosoft = "com.microsoft"
	// DomainPMX holds operators of our own; each has a Body.
	DomainPMX = "pmx"
)

// Type is what shape inference knows of a value.
type Type struct {
	DType DType
	Shape Shape
}

// String prints float[2 3].
func (t Type) String() string { return t.DType.String() + t.Shape.String() }

// OpSchema is everything pmx knows about an operator.
type OpSchema struct {
	Name   string // as ONNX spells it
	Domain string // "" is the default operator set
	// SinceVersion is the operator-set version that introduced this definition.
	SinceVersion int
	// Inputs and Outputs are the formal names of the specification. "B?" may be
	// absent, as an output if nothing uses it; a last "data..." takes any number
	// from one.
	Inputs, Outputs []string
	// Attributes declares what a node of an operator with a Body may be given.
	Attributes []Attribute
	// Infer gives each output's type from n.Inputs and n.Attributes. It may
	// return fewer types than there are formal outputs: those are then absent.
	// n.Outputs holds no values yet; its length is the number of outputs that a
	// file lists (for operators like Split), 0 where that is not known.
	Infer func(n *Node) ([]Type, error)
	// Grad says how cotangents flow. Required.
	Grad Gradient
	// Eval computes the outputs. Every float input comes as Float64 and every
	// float output must be Float64; other types are as inferred. An operator
	// without Eval is evaluated through Body.
	Eval func(n *Node, in []*Tensor) ([]*Tensor, error)
	// Body gives the outputs in terms of other operators. A model has one function
	// body for all nodes of that name, so that it must not depend on the sizes of
	// dimensions, nor on the values of attributes that are not Fixed: those it hands on,
	// n.Attributes["epsilon"], or takes as n.AttributeValue("num_heads").
	Body func(n *Node, in []*Value) []*Value
}

// Attribute declares an attribute of an operator with a Body.
type Attribute struct {
	Name string
	// Default is the value where a node does not give the attribute; nil: it must.
	Default any
	// Fixed says that the Body is written for one value, where ONNX has no way to
	// refer to the caller's: all nodes of a graph must then agree.
	Fixed bool
}

// ID is the name with the domain: "Add", "com.microsoft.GeluGrad".
func (s *OpSchema) ID() string { return opID(s.Domain, s.Name) }

func opID(domain, name string) string {
	if domain == "" || domain == "ai.onnx" {
		return name
	}
	return domain + "." + name
}

// arity gives the least and the most inputs (-1 = any number).
func (s *OpSchema) arity() (least, most int) {
	for _, in := range s.Inputs {
		switch {
		case strings.HasSuffix(in, "..."):
			return least + 1, -1
		case !strings.HasSuffix(in, "?"):
			least++
		}
		most++
	}
	return least, most
}

// VJP is the vector-Jacobian product of an operator: gy holds the cotangent of
// each output of n (nil = none flows), and gx must hold one entry for each
// input (nil = none flows to it). A rule for a broadcasting operator returns
// cotangents of the output's shape: autodiff sums them back.
type VJP func(n *Node, gy []*Value) (gx []*Value)

// Gradient says how cotangents flow through an operator. Its zero value is
// refused by Register, so that a missing gradient is never taken for a zero one.
type Gradient struct {
	kind   gradientKind
	vjp    VJP
	reason string
}

type gradientKind int

const (
	gradientUnstated gradientKind = iota
	gradientVJP
	gradientBody
	gradientZero
	gradientNone
)

// Differentiable states the operator's vector-Jacobian product.
func Differentiable(rule VJP) Gradient { return Gradient{kind: gradientVJP, vjp: rule} }

// ByDecomposition lets cotangents flow through the operator's Body.
func ByDecomposition() Gradient { return Gradient{kind: gradientBody} }

// ZeroGradient says that the derivative is zero (almost) everywhere.
func ZeroGradient(reason string) Gradient { return Gradient{kind: gradientZero, reason: reason} }

// NotDifferentiable makes it an error to ask for a gradient.
func NotDifferentiable(reason string) Gradient { return Gradient{kind: gradientNone, reason: reason} }

// VJP is the stated rule, nil unless Differentiable.
func (g Gradient) VJP() VJP { return g.vjp }

// Decomposes reports whether cotangents flow through the Body.
func (g Gradient) Decomposes() bool { return g.kind == gradientBody }

// Zero reports whether nothing flows, with the reason.
func (g Gradient) Zero() (reason string, ok bool) { return g.reason, g.kind == gradientZero }

// Refused reports whether asking for a gradient is an error, with the reason.
func (g Gradient) Refused() (reason string, ok bool) { return g.reason, g.kind == gradientNone }

var schemas = map[string]*OpSchema{}

// Register adds an operator; the files of package op call it as they load. It
// panics on a duplicate, on an unstated gradient, where Eval and Body are both
// absent, and on attributes that a model could not hold.
func Register(s OpSchema) *OpSchema {
	switch {
	case schemas[s.ID()] != nil:
		panic("onnxgraph: operator " + s.ID() + " is registered twice")
	case s.Grad.kind == gradientUnstated:
		panic("onnxgraph: operator " + s.ID() + " states no gradient; say ZeroGradient or NotDifferentiable with the reason")
	case s.Eval == nil && s.Body == nil:
		panic("onnxgraph: operator " + s.ID() + " has neither Eval nor Body")
	case s.Domain != "" && s.Body == nil:
		panic("onnxgraph: operator " + s.ID() + " is not standard and has no Body")
	case s.Grad.Decomposes() && s.Body == nil:
		panic("onnxgraph: operator " + s.ID() + " has its gradient by decomposition and no Body")
	case s.Infer == nil:
		panic("onnxgraph: operator " + s.ID() + " has no shape inference")
	case s.Body == nil && len(s.Attributes) > 0:
		panic("onnxgraph: operator " + s.ID() + " declares attributes and has no Body to use them")
	}
	for _, a := range s.Attributes {
		if a.Name == "" || a.Default != nil && !isAttribute(a.Default) {
			panic(fmt.Sprintf("onnxgraph: operator %s: attribute %q has no name, or a default of Go type %T", s.ID(), a.Name, a.Default))
		}
	}
	schemas[s.ID()] = &s
	return &s
}

// Lookup finds an operator by domain and name.
func Lookup(domain, name string) (*OpSchema, error) {
	if s := schemas[opID(domain, name)]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("onnxgraph: operator %s is not known; known are %s", opID(domain, name), strings.Join(operatorIDs(), ", "))
}

// Operators lists every registered operator, sorted by ID.
func Operators() []*OpSchema {
	out := make([]*OpSchema, 0, len(schemas))
	for _, id := range operatorIDs() {
		out = append(out, schemas[id])
	}
	return out
}

func operatorIDs() []string {
	ids := make([]string, 0, len(schemas))
	for id := range schemas {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
