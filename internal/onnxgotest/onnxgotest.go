// Package onnxgotest reads models in tests by onnx-go
// (https://github.com/owulveryck/onnx-go), a reader of ONNX with its own protobuf
// code, as a second opinion on what pmx writes.
package onnxgotest

import (
	"fmt"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/simple"
	"gonum.org/v1/gonum/graph"
	"gorgonia.org/tensor"
)

// Model is what onnx-go finds in a model.
type Model struct {
	// Inputs and Outputs are in the graph's order. Their shapes are without the
	// dimensions that may vary.
	Inputs, Outputs []Value
	// Operators are the nodes' types and attributes, in order: "Softmax map[axis:-1]".
	// onnx-go drops the domain.
	Operators []string
	// Constants are the initializers by name.
	Constants map[string]Constant
}

// Value is an input or an output.
type Value struct {
	Name, DType string // DType in Go's words
	Shape       []int
}

// Constant is an initializer; Data is a slice of a Go type.
type Constant struct {
	Shape []int
	Data  any
}

// Read decodes a model's bytes.
func Read(data []byte) (*Model, error) {
	backend := &backend{Graph: simple.NewSimpleGraph(), nodes: map[int64]*node{}}
	decoder := onnxgo.NewModel(backend)
	if err := decoder.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("onnx-go: %w", err)
	}
	m := &Model{Operators: backend.operators, Constants: map[string]Constant{}}
	ends := map[int64]bool{}
	values := func(ids []int64) (out []Value) {
		for _, id := range ids {
			ends[id] = true
			n := backend.nodes[id]
			out = append(out, Value{n.name, n.data.Dtype().String(), n.data.Shape()})
		}
		return out
	}
	m.Inputs, m.Outputs = values(decoder.Input), values(decoder.Output)
	for id, n := range backend.nodes {
		if n.data != nil && !ends[id] {
			m.Constants[n.name] = constant(n.data)
		}
	}
	return m, nil
}

// constant gives a tensor's elements as a slice also where it is a scalar, of
// which gorgonia's tensors give the number.
func constant(t tensor.Tensor) Constant {
	data := t.Data()
	switch v := data.(type) {
	case float32:
		data = []float32{v}
	case float64:
		data = []float64{v}
	case int64:
		data = []int64{v}
	case int32:
		data = []int32{v}
	case uint8:
		data = []uint8{v}
	case bool:
		data = []bool{v}
	}
	return Constant{t.Shape(), data}
}

// backend records the graph instead of computing it.
type backend struct {
	*simple.Graph
	nodes     map[int64]*node
	operators []string
}

// node is a value of the graph, in onnx-go's words.
type node struct {
	graph.Node
	name string
	data tensor.Tensor
}

func (n *node) SetName(name string)             { n.name = name }
func (n *node) GetName() string                 { return n.name }
func (n *node) SetTensor(t tensor.Tensor) error { n.data = t; return nil }
func (n *node) GetTensor() tensor.Tensor        { return n.data }

func (b *backend) NewNode() graph.Node { return &node{Node: b.Graph.NewNode()} }

func (b *backend) AddNode(n graph.Node) {
	b.Graph.AddNode(n)
	b.nodes[n.ID()] = n.(*node)
}

func (b *backend) ApplyOperation(o onnxgo.Operation, _ ...graph.Node) error {
	b.operators = append(b.operators, fmt.Sprint(o.Name, " ", o.Attributes))
	return nil
}
