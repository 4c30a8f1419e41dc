package onnxgraph_test

import (
	"bytes"
	"fmt"
	"regexp"
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
		Attributes: []onnxgraph.Attribute{{Name: "last", Default: float32(0), Fixed: true}},
		Infer:      sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			table := make([]float32, 100)
			table[99] = float32(n.Attributes.Float("last", 0))
			sum := op.ReduceSum(in[0].Graph().Const(onnxgraph.NewTensor([]int{100}, table)), false, 0)
			return []*onnxgraph.Value{op.Add(in[0], sum)}
		},
	})
	// Baked breaks the rule that a body must not read an attribute that is not Fixed.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Baked", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Attributes: []onnxgraph.Attribute{{Name: "by", Default: float32(1)}},
		Infer:      sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.Mul(in[0], op.Scalar(in[0], n.Attributes.Float("by", 1)))}
		},
	})
	// Attributed has an attribute of each kind that a body can take as a value.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Attributed", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Attributes: []onnxgraph.Attribute{
			{Name: "number"}, {Name: "factor", Default: float32(2)}, {Name: "factors", Default: []float32{1, 1}},
			{Name: "perm", Default: []int64{0, 1}}, {Name: "shape", Default: []int64{2, 1}},
		},
		Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
			return []onnxgraph.Type{{DType: onnxgraph.Float32, Shape: n.Attributes.Ints("shape")}}, nil
		},
		Grad: onnxgraph.NotDifferentiable("it is for tests"),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			a := n.Attributes
			value := func(name string, known func() *onnxgraph.Tensor) *onnxgraph.Value {
				if v := n.AttributeValue(name); v != nil {
					return v
				}
				return in[0].Graph().Const(known())
			}
			factor := value("factor", func() *onnxgraph.Tensor { return onnxgraph.ScalarTensor(a["factor"].(float32)) })
			factors := value("factors", func() *onnxgraph.Tensor { return onnxgraph.NewTensor([]int{2}, a["factors"].([]float32)) })
			number := value("number", func() *onnxgraph.Tensor { return onnxgraph.ScalarTensor(a["number"].(int64)) })
			shape := value("shape", func() *onnxgraph.Tensor { return onnxgraph.NewTensor([]int{2}, a["shape"].([]int64)) })
			x := op.Add(op.Mul(op.Mul(in[0], factor), factors), op.Cast(number, onnxgraph.Float32))
			x = onnxgraph.Apply("Transpose", onnxgraph.Attributes{"perm": a["perm"]}, x)
			return []*onnxgraph.Value{onnxgraph.Apply("Reshape", nil, x, shape)}
		},
	})
	// Hiding hands an attribute that it does not call Fixed on to Table, where it is.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Hiding", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Attributes: []onnxgraph.Attribute{{Name: "last"}},
		Infer:      sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{onnxgraph.Apply("test.Table", onnxgraph.Attributes{"last": n.Attributes["last"]}, in[0])}
		},
	})
	// Nested calls Sized.
	_ = onnxgraph.Register(onnxgraph.OpSchema{
		Name: "Nested", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
		Infer: sameAsX, Grad: onnxgraph.ByDecomposition(),
		Body: func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{onnxgraph.Apply("test.Sized", nil, in[0])}
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

// TestFunctionConflicts: a model holds one body for a name, and an error names both
// nodes that need different ones, with the lines that made them.
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
		"test.Baked": func(g *onnxgraph.Graph, x *onnxgraph.Value) {
			g.Output("a", onnxgraph.Apply("test.Baked", onnxgraph.Attributes{"by": float32(1)}, x))
			g.Output("b", onnxgraph.Apply("test.Baked", onnxgraph.Attributes{"by": float32(2)}, x))
		},
		// The bodies read the same except for the type of a constant.
		"test.Sized ": func(g *onnxgraph.Graph, x *onnxgraph.Value) {
			g.Output("a", onnxgraph.Apply("test.Sized", nil, x))
			g.Output("b", onnxgraph.Apply("test.Sized", nil, g.Input("d", onnxgraph.Float64, 2)))
		},
	}
	for id, f := range cases {
		g := build(t, func(g *onnxgraph.Graph) { f(g, g.Input("x", onnxgraph.Float32, 2)) })
		id = strings.TrimSpace(id)
		name := strings.TrimPrefix(id, "test.")
		want := regexp.MustCompile(`^(# )?onnxgraph: ` + id + `\(.*\): node ` + name + `_1 needs another body than node ` + name +
			` \(function_test.go:\d+\), .* at function_test.go:\d+\n?$`)
		for name, err := range map[string]error{
			"Functions": second(g.Functions()), "Marshal": second((&onnxgraph.Model{Graph: g}).Marshal()), "Digest": second((&onnxgraph.Model{Graph: g}).Digest()),
		} {
			if err == nil || !want.MatchString(err.Error()) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		if text := (&onnxgraph.Model{Graph: g}).String(); !want.MatchString(text) {
			t.Errorf("the text is\n%s", text)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestDeclaredAttributes: what a node's operator does not declare, and another value of
// a Fixed attribute, are faults at the line that applies it.
func TestDeclaredAttributes(t *testing.T) {
	type attributes = onnxgraph.Attributes
	for _, c := range []struct {
		op    string
		given []attributes
		want  string
	}{
		{"test.Table", []attributes{{"last": float32(1)}, {"last": float32(1)}}, ""},
		{"test.Table", []attributes{{"last": float32(0)}, nil}, ""},
		{"test.Table", []attributes{{"last": float32(1)}, {"last": float32(2)}}, "attribute last = 2.0 here, = 1.0 in node Table (function_test.go:"},
		{"test.Table", []attributes{{"last": float32(1)}, nil}, "attribute last = 0.0 here, = 1.0 in node Table (function_test.go:"},
		{"test.Table", []attributes{{"first": float32(1)}}, "it has no attribute first, only [last]"},
		{"test.Table", []attributes{{"last": int64(1)}}, "attribute last = 1 is not of type float"},
		{"test.Outer", []attributes{{"last": int64(1)}}, "it has no attributes, and is given last"},
		{"test.Attributed", []attributes{nil}, "attribute number is absent"},
	} {
		g, err := onnxgraph.Build("declared", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float32, 2)
			for _, a := range c.given {
				onnxgraph.Apply(c.op, a, x)
			}
		})
		switch {
		case c.want == "" && err == nil:
			_, err = g.Functions()
			if err != nil {
				t.Errorf("%s%v: %v", c.op, c.given, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), " at function_test.go:"):
			t.Errorf("%s%v: %v, want %s", c.op, c.given, err, c.want)
		}
	}
}

// TestAttributeReferences: a function takes each kind of attribute by reference, with
// its default, and gives two callers what each node gives by itself.
func TestAttributeReferences(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 1, 2)
		g.Output("a", onnxgraph.Apply("test.Attributed", onnxgraph.Attributes{"number": int64(3), "shape": []int64{2, 1}}, x))
		g.Output("b", onnxgraph.Apply("test.Attributed", onnxgraph.Attributes{
			"number": int64(-1), "factor": float32(0.5), "factors": []float32{3, 7}, "perm": []int64{1, 0}, "shape": []int64{1, 2},
		}, x))
	})
	m := &onnxgraph.Model{Graph: g}
	text, err := m.Text(-1)
	if err != nil {
		t.Fatal(err)
	}
	const function = `
Attributed <number, factor = 2.0, factors = [1.0, 1.0], perm = [0, 1], shape = [2, 1]> (X) => (Y)
{
   factor = Constant <value_float: float = @factor> ()
   factors = Constant <value_floats: floats = @factors> ()
   number = Constant <value_int: int = @number> ()
   shape = Constant <value_ints: ints = @shape> ()
   Mul = Mul (X, factor)
   Mul_1 = Mul (Mul, factors)
   Cast = Cast <to = 1> (number)
   Add = Add (Mul_1, Cast)
   Transpose = Transpose <perm: ints = @perm> (Add)
   [Reshape] Y = Reshape (Transpose, shape)
}
`
	if !strings.HasSuffix(text, function) {
		t.Errorf("got\n%s\nwant\n%s", text, function)
	}
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{1, 2}, []float32{1.5, -3})}
	for name, read := range map[string]func() (*onnxgraph.Model, error){
		"bytes": func() (*onnxgraph.Model, error) {
			return onnxgraph.ReadModel(bytes.ReplaceAll(data, []byte("Attributed"), []byte("Foreign___")))
		},
		"text": func() (*onnxgraph.Model, error) {
			return onnxgraph.ParseText(strings.ReplaceAll(text, "Attributed", "Foreign"))
		},
	} {
		m, err := read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sameOutputs(t, g, m.Graph, feeds, 0)
	}
	want := map[string]float64{"a": 6, "b": 1.25} // the first element: 1.5·2·1 + 3, 1.5·0.5·3 - 1
	got, err := onnxgraph.Eval(g, feeds)
	if err != nil {
		t.Fatal(err)
	}
	for name, first := range want {
		if v := got[name].Float64s()[0]; v != first {
			t.Errorf("%s begins with %g, want %g", name, v, first)
		}
	}
}

// TestFunctionBodyFaults: a body that cannot be built, or not for all its callers, is
// an error of the model.
func TestFunctionBodyFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a product of shapes that do not broadcast", "g (float[2,3] x, float[4,5] z) => (float[2,3] y) { y = test.Weighted (x, z) }", "onnxgraph: Mul("},
		{"a fixed attribute by reference", "g (float[2] x) => (float[2] y) { y = test.Hiding <last = 1.0> (x) }", "attribute last is fixed, and refers to the caller's last, which is not"},
		{"a body inside of two equal ones that depends on sizes", "g (float[2] x, float[3] z) => (float[2] y, float[3] w) { y = test.Nested (x) w = test.Nested (z) }", "node Sized needs another body than node Sized (function_test.go:"},
	} {
		if _, err := parse(t, c.text).Marshal(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
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
