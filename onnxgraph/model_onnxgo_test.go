package onnxgraph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/simple"
	"gonum.org/v1/gonum/graph"
	"gorgonia.org/tensor"

	"pmx/onnxgraph"
)

// onnxGoGraph records what onnx-go, a reader of ONNX with its own protobuf code,
// finds in a model.
type onnxGoGraph struct {
	*simple.Graph
	nodes map[int64]*onnxGoNode
}

type onnxGoNode struct {
	graph.Node
	name, op string
	data     tensor.Tensor
}

func (n *onnxGoNode) SetName(name string)             { n.name = name }
func (n *onnxGoNode) GetName() string                 { return n.name }
func (n *onnxGoNode) SetTensor(t tensor.Tensor) error { n.data = t; return nil }
func (n *onnxGoNode) GetTensor() tensor.Tensor        { return n.data }

func (g *onnxGoGraph) NewNode() graph.Node { return &onnxGoNode{Node: g.Graph.NewNode()} }

func (g *onnxGoGraph) AddNode(n graph.Node) {
	g.Graph.AddNode(n)
	g.nodes[n.ID()] = n.(*onnxGoNode)
}

func (g *onnxGoGraph) ApplyOperation(o onnxgo.Operation, nodes ...graph.Node) error {
	nodes[0].(*onnxGoNode).op = fmt.Sprint(o.Name, " ", o.Attributes)
	return nil
}

// TestOnnxGoReads decodes our bytes by onnx-go. Both registers of protobuf
// messages in one program do not clash.
func TestOnnxGoReads(t *testing.T) {
	m := sampleModel(t)
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	backend := &onnxGoGraph{simple.NewSimpleGraph(), map[int64]*onnxGoNode{}}
	other := onnxgo.NewModel(backend)
	if err := other.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if len(other.Input) != 2 || len(other.Output) != 3 {
		t.Errorf("%d inputs and %d outputs, want 2 and 3", len(other.Input), len(other.Output))
	}
	byName := map[string]*onnxGoNode{}
	var operators []string
	for _, n := range backend.nodes {
		byName[n.name] = n
		if n.op != "" {
			operators = append(operators, n.op)
		}
	}
	slices.Sort(operators)
	const want = "Add map[]; Exp map[]; Mul map[]; ReduceSum map[keepdims:0]; SoftmaxGrad_13 map[axis:-1]; SoftmaxGrad_13 map[axis:-1]"
	if got := strings.Join(operators, "; "); got != want {
		t.Errorf("operators\n %s\nwant\n %s", got, want)
	}
	for _, c := range m.Graph.Constants() {
		n := byName[c.Name]
		if n == nil || n.data == nil {
			t.Errorf("constant %s was not found", c.Name)
			continue
		}
		if !slices.Equal(n.data.Shape(), tensor.Shape(c.Shape)) {
			t.Errorf("constant %s has shape %v, want %v", c.Name, n.data.Shape(), c.Shape)
		}
		if got, ok := n.data.Data().([]float32); ok != (c.DType == onnxgraph.Float32) || ok && !slices.Equal(got, onnxgraph.Data[float32](c.Constant())) {
			t.Errorf("constant %s has other elements", c.Name)
		}
	}
}
