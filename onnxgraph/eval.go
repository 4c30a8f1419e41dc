package onnxgraph

import (
	"context"
	"fmt"
	"slices"
)

// Evaluator runs a graph in float64 on the host: the reference meaning that
// gradient checks and other runtimes are compared with. It is safe for use by
// several goroutines.
type Evaluator struct {
	graph     *Graph
	constants map[*Value]*Tensor
	lastUse   map[*Value]int // index of the last node that reads the value
}

// NewEvaluator prepares a graph.
func NewEvaluator(g *Graph) *Evaluator {
	e := &Evaluator{graph: g, constants: map[*Value]*Tensor{}, lastUse: map[*Value]int{}}
	for _, v := range g.constants {
		e.constants[v] = Widen(v.constant)
	}
	for i, n := range g.nodes {
		for _, v := range n.Inputs {
			e.lastUse[v] = i
		}
	}
	for _, v := range g.outputs {
		e.lastUse[v] = len(g.nodes)
	}
	return e
}

// Run evaluates the graph. Feeds are by input name, of the declared type (any
// float type where a float is declared). Float outputs come as Float64.
func (e *Evaluator) Run(feeds map[string]*Tensor) (map[string]*Tensor, error) {
	return e.RunContext(context.Background(), feeds)
}

// RunContext is Run until ctx is done, which is looked at before each node. The
// error is then its cause.
func (e *Evaluator) RunContext(ctx context.Context, feeds map[string]*Tensor) (map[string]*Tensor, error) {
	known := make(map[*Value]*Tensor, len(e.graph.nodes))
	for _, v := range e.graph.inputs {
		t := feeds[v.Name]
		if t == nil {
			return nil, fmt.Errorf("onnxgraph: graph %s: input %s is not fed", e.graph.Name, v.Name)
		}
		if err := fits(t, v.Type); err != nil {
			return nil, fmt.Errorf("onnxgraph: graph %s: input %s: %w", e.graph.Name, v.Name, err)
		}
		known[v] = Widen(t)
	}
	read := func(v *Value) *Tensor {
		if v == nil {
			return nil
		}
		if t := e.constants[v]; t != nil {
			return t
		}
		return known[v]
	}
	for i, n := range e.graph.nodes {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		in := make([]*Tensor, len(n.Inputs))
		for k, v := range n.Inputs {
			in[k] = read(v)
		}
		out, err := evalNode(n, in)
		if err != nil {
			return nil, err
		}
		for k, v := range n.Outputs {
			if e.lastUse[v] > i {
				known[v] = out[k]
			}
		}
		for _, v := range n.Inputs {
			if e.lastUse[v] == i {
				delete(known, v)
			}
		}
	}
	outputs := make(map[string]*Tensor, len(e.graph.outputs))
	for _, v := range e.graph.outputs {
		outputs[v.Name] = read(v)
	}
	return outputs, nil
}

// Eval evaluates a graph once.
func Eval(g *Graph, feeds map[string]*Tensor) (map[string]*Tensor, error) {
	return NewEvaluator(g).Run(feeds)
}

// evalNode runs an operator's Eval, or its Body where it has none, and checks
// the result against what shape inference promised.
func evalNode(n *Node, in []*Tensor) ([]*Tensor, error) {
	var out []*Tensor
	promised, err := typesFor(n, in)
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: %s %s: %w", n.Op.ID(), n.Name, err)
	}
	if n.Op.Eval != nil {
		out, err = n.Op.Eval(n, in)
	} else {
		out, err = evalBody(n, in)
	}
	if err != nil {
		return nil, fmt.Errorf("onnxgraph: %s %s: %w", n.Op.ID(), n.Name, err)
	}
	if len(out) < len(n.Outputs) {
		return nil, fmt.Errorf("onnxgraph: %s %s: Eval gave %d outputs of %d", n.Op.ID(), n.Name, len(out), len(n.Outputs))
	}
	for i := range n.Outputs {
		if err := fits(out[i], promised[i]); err != nil {
			return nil, fmt.Errorf("onnxgraph: %s %s: output %d: %w", n.Op.ID(), n.Name, i, err)
		}
	}
	return out, nil
}

// typesFor gives the types of the outputs. Where Dynamic dimensions left shape
// inference without them, it is asked again with the operands that came: operators'
// Eval relies on what it has checked.
func typesFor(n *Node, in []*Tensor) ([]Type, error) {
	types, known := make([]Type, len(n.Outputs)), true
	for i, v := range n.Outputs {
		types[i] = v.Type
	}
	for _, v := range slices.Concat(n.Inputs, n.Outputs) {
		known = known && (v == nil || v.Shape.Static())
	}
	if !known {
		came := *n
		came.Inputs = make([]*Value, len(in))
		for i, v := range n.Inputs {
			if v != nil {
				came.Inputs[i] = &Value{Name: v.Name, Type: Type{v.DType, in[i].shape}, graph: v.graph, constant: in[i]}
			}
		}
		var err error
		if types, err = n.Op.Infer(&came); err != nil {
			return nil, err
		}
	}
	for _, t := range types {
		if err := checkInferred(t.Shape, largestResult); err != nil {
			return nil, fmt.Errorf("its output would be too large: %w", err)
		}
	}
	return types, nil
}

// largestResult bounds what a node may give on Eval, in elements: 8 GiB of float64.
const largestResult = 1 << 30

func evalBody(n *Node, in []*Tensor) ([]*Tensor, error) {
	body, err := bodyGraph(n, n.Decompose)
	if err != nil {
		return nil, err
	}
	feeds := map[string]*Tensor{}
	for i, t := range in {
		if t != nil {
			feeds[formalName(n.Op.Inputs, i)] = t
		}
	}
	byName, err := Eval(body, feeds)
	if err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(n.Outputs))
	for i := range out {
		out[i] = byName[formalName(n.Op.Outputs, i)]
	}
	return out, nil
}

// fits checks data against a type; floats of any width fit a float.
func fits(t *Tensor, want Type) error {
	if t.dtype != want.DType && !(t.dtype.IsFloat() && want.DType.IsFloat()) {
		return fmt.Errorf("want %v, got %v", want, t)
	}
	if !t.shape.Fits(want.Shape) {
		return fmt.Errorf("want %v, got %v", want, t)
	}
	return nil
}

// Widen gives float tensors as Float64 and others as they are.
func Widen(t *Tensor) *Tensor {
	if !t.dtype.IsFloat() || t.dtype == Float64 {
		return t
	}
	return NewTensor(t.shape, t.Float64s())
}

// Narrow rounds a Float64 tensor to Float32 and gives others as they are.
func Narrow(t *Tensor) *Tensor {
	if t.dtype != Float64 {
		return t
	}
	return NewTensor(t.shape, convert[float32](Data[float64](t)))
}
