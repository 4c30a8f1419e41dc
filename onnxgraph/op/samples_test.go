package op_test

import (
	"fmt"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/conformance"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// sample is one application of an operator: a node of a case, with data for its
// operands, nil for absent ones.
type sample struct {
	from string
	node *onnxgraph.Node
	data []*onnxgraph.Tensor
}

func (s sample) String() string {
	return fmt.Sprintf("%s%v of %s", s.node.Op.ID(), s.node.Attributes, s.from)
}

// types are those of the sample's operands.
func (s sample) types() []onnxgraph.Type {
	out := make([]onnxgraph.Type, len(s.data))
	for i, x := range s.node.Inputs {
		if x != nil {
			out[i] = onnxgraph.Type{DType: x.DType, Shape: s.data[i].Shape()}
		}
	}
	return out
}

// trial is what came of a sample's operator on other operands.
type trial struct {
	refused  error // by shape inference
	failed   error // on Eval
	panicked any
	outputs  []*onnxgraph.Value
	results  []*onnxgraph.Tensor
}

// with applies the sample's operator to operands of the given types and data; what
// was constant stays so.
func (s sample) with(attributes onnxgraph.Attributes, types []onnxgraph.Type, data []*onnxgraph.Tensor) (r trial) {
	defer func() { r.panicked = recover() }()
	feeds := map[string]*onnxgraph.Tensor{}
	var g *onnxgraph.Graph
	g, r.refused = onnxgraph.Build("trial", func(g *onnxgraph.Graph) {
		in := make([]*onnxgraph.Value, len(s.node.Inputs))
		for i, x := range s.node.Inputs {
			name := fmt.Sprintf("in%d", i)
			switch {
			case x == nil:
			case x.Constant() != nil:
				in[i] = g.NamedConst(name, data[i])
			default:
				in[i] = g.Input(name, types[i].DType, types[i].Shape...)
				feeds[name] = data[i]
			}
		}
		r.outputs = onnxgraph.ApplyNode(s.node.Op.ID(), attributes, in...).Outputs
		for k, y := range r.outputs {
			g.Output(fmt.Sprintf("out%d", k), y)
		}
	})
	if r.refused != nil {
		return r
	}
	for _, y := range r.outputs {
		if y.Shape.Static() && y.Shape.Size() > 1<<17 {
			return r // it would take too long
		}
	}
	out, err := onnxgraph.Eval(g, feeds)
	if r.failed = err; err == nil {
		for k := range r.outputs {
			r.results = append(r.results, out[fmt.Sprintf("out%d", k)])
		}
	}
	return r
}

// samples are the nodes of all gradient cases, backward passes included, and of
// ONNX's own cases, by operator and each but once. Every operator has some.
func samples(t *testing.T) map[string][]sample {
	t.Helper()
	if collected == nil {
		official, _ := conformance.MustLoad(t)
		collected = collect(t, official)
	}
	return collected
}

var collected map[string][]sample

func collect(t *testing.T, official []conformance.Case) map[string][]sample {
	t.Helper()
	out, seen := map[string][]sample{}, map[string]bool{}
	add := func(from string, g *onnxgraph.Graph, feeds map[string]*onnxgraph.Tensor) {
		for _, n := range g.Nodes() {
			s := sample{from, n, make([]*onnxgraph.Tensor, len(n.Inputs))}
			key := fmt.Sprint(n.Op.ID(), n.Attributes)
			for i, x := range n.Inputs {
				if x != nil {
					s.data[i] = dataFor(x, feeds)
					key += fmt.Sprint("|", x.Type, x.Constant() != nil)
				}
			}
			if !seen[key] {
				seen[key] = true
				out[n.Op.ID()] = append(out[n.Op.ID()], s)
			}
		}
	}
	for _, schema := range onnxgraph.Operators() {
		for _, c := range gradcheck.Cases(schema.ID()) {
			g, feeds, err := gradcheck.Build(schema.ID(), c, onnxgraph.Float64)
			if err != nil {
				t.Fatal(err)
			}
			add("gradient case "+c.Name, g, feeds)
		}
	}
	for _, c := range official {
		add("official case "+c.Name, c.Model.Graph, c.Feeds)
	}
	g, err := onnxgraph.Build("", withoutCases)
	if err != nil {
		t.Fatal(err)
	}
	add("withoutCases", g, nil)
	for _, schema := range onnxgraph.Operators() {
		if len(out[schema.ID()]) == 0 {
			t.Errorf("no case applies %s: add it to withoutCases", schema.ID())
		}
	}
	return out
}

// withoutCases applies the operators that neither gradients nor ONNX's cases do.
func withoutCases(g *onnxgraph.Graph) {
	input := func(name string, shape ...int) *onnxgraph.Value { return g.Input(name, onnxgraph.Float64, shape...) }
	x, y, scalar := input("x", 2, 3), input("y", 2, 3), input("scalar", 1)
	op.AdamW(x, y, input("m", 2, 3), input("v", 2, 3), scalar, scalar, scalar, scalar, 0.9, 0.999, 1e-8)
	op.EMA(x, y, scalar)
	op.InPlaceAccumulator(x, y, g.Input("overwrite", onnxgraph.Bool, 1))
	op.StopGradient(x)
}

// dataFor is what a case has for a value: its constant, its feed or, of what is
// computed, numbers, of integers zeros, which are good as positions.
func dataFor(x *onnxgraph.Value, feeds map[string]*onnxgraph.Tensor) *onnxgraph.Tensor {
	if c := x.Constant(); c != nil {
		return c
	}
	if t := feeds[x.Name]; t != nil {
		return t
	}
	shape := x.Shape.Clone()
	for i, d := range shape {
		if d == onnxgraph.Dynamic {
			shape[i] = 1
		}
	}
	if !x.DType.IsFloat() {
		return onnxgraph.Zeros(x.DType, shape)
	}
	return numbers(x.DType, shape)
}

// numbers are 1, 2, 3, 1, ... of a type.
func numbers(dtype onnxgraph.DType, shape []int) *onnxgraph.Tensor {
	out := onnxgraph.Zeros(dtype, shape)
	for i := range out.Size() {
		switch v := 1 + i%3; dtype {
		case onnxgraph.Float32:
			onnxgraph.Data[float32](out)[i] = float32(v)
		case onnxgraph.Float64:
			onnxgraph.Data[float64](out)[i] = float64(v)
		case onnxgraph.Int64:
			onnxgraph.Data[int64](out)[i] = int64(v)
		case onnxgraph.Int32:
			onnxgraph.Data[int32](out)[i] = int32(v)
		case onnxgraph.Bool:
			onnxgraph.Data[bool](out)[i] = true
		}
	}
	return out
}
