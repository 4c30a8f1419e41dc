package onnxgraph_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// sameAsX infers one output of the first input's type.
func sameAsX(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
	return []onnxgraph.Type{n.Inputs[0].Type}, nil
}

// Operators with a Body, for the tests of functions.
var (
	// Weighted is X·Y + Z, or X·Y, or X + Z, or X.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Weighted", Domain: "test", SinceVersion: 1, Inputs: []string{"X", "Y?", "Z?"}, Outputs: []string{"R", "Rest"},
		Infer: sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			r := in[0]
			if len(in) > 1 && in[1] != nil {
				r = op.Mul(r, in[1])
			}
			if len(in) > 2 && in[2] != nil {
				r = op.Add(r, in[2])
			}
			return []*onnxgraph.Value{r}
		},
	})
	// Sized breaks the rule that a body must not depend on sizes.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Sized", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Infer: sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.Mul(in[0], op.Scalar(in[0], float64(in[0].Shape.Size())))}
		},
	})
	// Table adds a table of 100 entries that an attribute fixes.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Table", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Infer: sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			table := make([]float32, 100)
			table[99] = float32(n.Attributes.Float("last", 0))
			sum := op.ReduceSum(in[0].Graph().Const(onnxgraph.NewTensor([]int{100}, table)), false, 0)
			return []*onnxgraph.Value{op.Add(in[0], sum)}
		},
	})
	// Outer calls Weighted twice.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Outer", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Infer: sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{weighted(weighted(in[0], nil, in[0]), nil, in[0])}
		},
	})
)

func weighted(in ...*onnxgraph.Value) *onnxgraph.Value {
	return onnxgraph.Apply("test.Weighted", nil, in...)
}

func TestFunctions(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 2)
		g.Output("y", op.SoftmaxGrad(onnxgraph.Apply("test.Outer", nil, x), x))
		// Other sizes and another rank: one body serves them all.
		z := g.Input("z", onnxgraph.Float32, 3, onnxgraph.Dynamic)
		g.Output("w", op.SoftmaxGrad(onnxgraph.Apply("test.Outer", nil, z), z))
	})
	functions, err := g.Functions()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range functions {
		var in, out []string
		for _, v := range f.Body.Inputs() {
			in = append(in, v.Name)
		}
		for _, v := range f.Body.Outputs() {
			out = append(out, v.Name)
		}
		got = append(got, fmt.Sprintf("%s.%s%v%v", f.Domain, f.Name, in, out))
	}
	if want := "com.microsoft.SoftmaxGrad_13[dY Y][dX] test.Outer[X][Y] test.Weighted[X Z][R]"; strings.Join(got, " ") != want {
		t.Errorf("functions\n %s\nwant\n %s", strings.Join(got, " "), want)
	}
}

// TestFunctionConflicts: a model holds one body for a name.
func TestFunctionConflicts(t *testing.T) {
	cases := map[string]func(g *onnxgraph.Graph, x *onnxgraph.Value){
		"test.Sized": func(g *onnxgraph.Graph, x *onnxgraph.Value) {
			g.Output("a", onnxgraph.Apply("test.Sized", nil, x))
			g.Output("b", onnxgraph.Apply("test.Sized", nil, op.ReduceSum(x, true, 0)))
		},
		"test.Weighted": func(g *onnxgraph.Graph, x *onnxgraph.Value) {
			g.Output("a", weighted(x, x))
			g.Output("b", weighted(x, nil, x))
		},
		// The element that differs is past those that the text shows.
		"test.Table": func(g *onnxgraph.Graph, x *onnxgraph.Value) {
			g.Output("a", onnxgraph.Apply("test.Table", onnxgraph.Attributes{"last": float32(1)}, x))
			g.Output("b", onnxgraph.Apply("test.Table", onnxgraph.Attributes{"last": float32(2)}, x))
		},
		// The bodies read the same but for the type of a constant.
		"test.Sized ": func(g *onnxgraph.Graph, x *onnxgraph.Value) {
			g.Output("a", onnxgraph.Apply("test.Sized", nil, x))
			g.Output("b", onnxgraph.Apply("test.Sized", nil, g.Input("d", onnxgraph.Float64, 2)))
		},
	}
	for id, f := range cases {
		g := build(t, func(g *onnxgraph.Graph) { f(g, g.Input("x", onnxgraph.Float32, 2)) })
		want := "onnxgraph: function " + strings.TrimSpace(id) + ": node " + strings.TrimPrefix(strings.TrimSpace(id), "test.") + "_1 needs another body than the first"
		for name, err := range map[string]error{
			"Functions": second(g.Functions()), "Marshal": second((&onnxgraph.Model{Graph: g}).Marshal()), "Digest": second((&onnxgraph.Model{Graph: g}).Digest()),
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		if text := (&onnxgraph.Model{Graph: g}).String(); !strings.HasPrefix(text, "# "+want) {
			t.Errorf("the text is\n%s", text)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestFunctionBodyFaults: a body that cannot be built is an error of the model.
func TestFunctionBodyFaults(t *testing.T) {
	m := parse(t, "g (float[2,3] x, float[4,5] z) => (float[2,3] y) { y = test.Weighted (x, z) }")
	if _, err := m.Marshal(); err == nil || !strings.Contains(err.Error(), "onnxgraph: Mul(") {
		t.Errorf("a product of shapes that do not broadcast: %v", err)
	}
}

// TestFunctionInputs: formal inputs keep their places, absent ones included, and
// reading without the operator gives the same numbers.
func TestFunctionInputs(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2)
		g.Output("y", weighted(op.Neg(x), nil, x))
	})
	data, err := (&onnxgraph.Model{Graph: g}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	d, err := onnxgraph.Describe(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(d.Functions[0].Inputs, " "); got != "X Y Z" {
		t.Errorf("the function's inputs are %s, want X Y Z", got)
	}
	if d.Opsets["test"] != 1 {
		t.Errorf("opsets %v", d.Opsets)
	}
	// Under a name that is not registered, a reader has only the body.
	data = bytes.ReplaceAll(data, []byte("Weighted"), []byte("Foreign_"))
	m, err := onnxgraph.ReadModel(data)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(m.Graph.String(), "Foreign_ ") {
		t.Errorf("the function is not inlined:\n%s", m.Graph)
	}
	sameOutputs(t, g, m.Graph, map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{2}, []float64{1.5, -3})}, 0)
}

// TestInline replaces what keep refuses, bodies of bodies included.
func TestInline(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float64, 2)
		leave := g.Scope("blocks.0")
		y := onnxgraph.Apply("test.Outer", nil, x)
		leave()
		g.Output("y", op.SoftmaxGrad(y, x))
	})
	feeds := map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{2}, []float64{1.5, -3})}
	all, err := g.Inline(nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range all.Nodes() {
		if n.Op.Domain != "" {
			t.Errorf("%s is left", n.Name)
		}
		names = append(names, n.Name)
	}
	const want = "blocks.0/Outer/Weighted/Add blocks.0/Outer/Weighted_1/Add SoftmaxGrad_13/Mul SoftmaxGrad_13/ReduceSum SoftmaxGrad_13/Sub SoftmaxGrad_13/Mul_1"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("nodes\n %s\nwant\n %s", got, want)
	}
	sameOutputs(t, g, all, feeds, 0)

	some, err := g.Inline(func(s *onnxgraph.OpSchema) bool { return s.Domain == "" || s.ID() == "test.Weighted" })
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, n := range some.Nodes() {
		if n.Op.Domain != "" {
			kept = append(kept, n.Op.ID())
		}
	}
	if got := strings.Join(kept, " "); got != "test.Weighted test.Weighted" {
		t.Errorf("kept %s, want test.Weighted twice", got)
	}
	sameOutputs(t, g, some, feeds, 0)
}
