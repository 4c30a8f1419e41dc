package onnxgraph_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

func build(t testing.TB, f func(g *onnxgraph.Graph)) *onnxgraph.Graph {
	t.Helper()
	g, err := onnxgraph.Build("g", f)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestNodeNames: names are an interface; they count by scope and operator.
func TestNodeNames(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 2)
		op.Neg(x)
		op.Neg(x)
		op.Exp(x)
		leave := g.Scope("blocks.0")
		op.Neg(x)
		inner := g.Scope("attn")
		op.Neg(x)
		op.Neg(x)
		inner()
		op.Neg(x)
		leave()
		leave = g.Scope("blocks.0")
		op.Neg(x)
		elsewhere := g.ScopeOf("loss_grad")
		op.Neg(x)
		elsewhere()
		op.Exp(x)
		leave()
		op.Neg(x)
	})
	want := "Neg Neg_1 Exp blocks.0/Neg blocks.0/attn/Neg blocks.0/attn/Neg_1 blocks.0/Neg_1 blocks.0/Neg_2 loss_grad/Neg blocks.0/Exp Neg_2"
	var names []string
	for _, n := range g.Nodes() {
		names = append(names, n.Name)
		if n.Outputs[0].Name != n.Name {
			t.Errorf("the output of %s is called %s", n.Name, n.Outputs[0].Name)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("nodes\n %s\nwant\n %s", got, want)
	}
}

// TestNamesStepAside: a made-up name never takes one that is given.
func TestNamesStepAside(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("Neg", onnxgraph.Float32, 2)
		g.Input("const", onnxgraph.Float32, 2)
		g.NamedConst("Neg_2", onnxgraph.Zeros(onnxgraph.Float32, []int{2}))
		y := op.Add(op.Neg(x), op.Neg(op.Neg(x)))
		g.Output("Neg_9", op.Add(y, op.Scalar(y, 2)))
		parts := op.Split(op.Neg(x), 0, 1, 1)
		if got := parts[1].Name; got != "Split:outputs1" {
			t.Errorf("the second output of Split is called %s", got)
		}
	})
	checkNames(t, g)
	var names []string
	for _, n := range g.Nodes() {
		names = append(names, n.Name)
	}
	if got, want := strings.Join(names, " "), "Neg_1 Neg_3 Neg_4 Add Add_1 Neg_5 Split"; got != want {
		t.Errorf("nodes\n %s\nwant\n %s", got, want)
	}
	if got := g.Constants()[1].Name; got != "const_1" {
		t.Errorf("the constant is called %s", got)
	}
}

// TestOutputs: a value that already has a name that others see is passed on.
func TestOutputs(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 2)
		c := g.NamedConst("c", onnxgraph.Zeros(onnxgraph.Float32, []int{2}))
		y := op.Neg(x)
		g.Output("y", y)
		g.Output("again", y)
		g.Output("input", x)
		g.Output("constant", c)
		g.Output("Exp", op.Exp(x))
		op.Neg(y) // y can be used on
	})
	const want = `g (float[2] x) => (float[2] y, float[2] again, float[2] input, float[2] constant, float[2] Exp)
<
   float[2] c = {0, 0}
>
{
   [Neg] y = Neg (x)
   [Identity] again = Identity (y)
   [Identity_1] input = Identity (x)
   [Identity_2] constant = Identity (c)
   Exp = Exp (x)
   Neg_1 = Neg (y)
}
`
	if got := g.String(); got != want {
		t.Errorf("the graph is\n%s\nwant\n%s", got, want)
	}
}

// TestConstantsAreShared: equal small ones are one value, unless they have names.
func TestConstantsAreShared(t *testing.T) {
	build(t, func(g *onnxgraph.Graph) {
		ones := func(dtype string, shape ...int) *onnxgraph.Value {
			if dtype == "float" {
				return g.Const(onnxgraph.NewTensor(shape, []float32{1, 1}))
			}
			return g.Const(onnxgraph.NewTensor(shape, []int32{1, 1}))
		}
		a := ones("float", 2)
		if ones("float", 2) != a {
			t.Error("equal constants are two values")
		}
		if ones("float", 2, 1) == a || ones("int32", 2) == a {
			t.Error("constants of other shape or type are one value")
		}
		if g.NamedConst("w", onnxgraph.NewTensor([]int{2}, []float32{1, 1})) == a {
			t.Error("a named constant shares an unnamed one's value")
		}
		large := func() *onnxgraph.Value { return g.Const(onnxgraph.Zeros(onnxgraph.Float32, []int{2000})) }
		if first, second := large(), large(); first == second {
			t.Error("large constants are compared")
		}
		if a.Constant() == nil || a.Producer() != nil || a.Graph() != g {
			t.Error("a constant has a producer, or no data or graph")
		}
	})
}

func TestInputs(t *testing.T) {
	g := build(t, func(g *onnxgraph.Graph) {
		g.Input("a", onnxgraph.Float32, onnxgraph.Dynamic, 3, onnxgraph.Dynamic)
		g.Input("b", onnxgraph.Int64, 2)
		g.Input("c", onnxgraph.Float32, onnxgraph.Dynamic).NameDims("batch")
	})
	for i, want := range []string{`["a_dim0" "" "a_dim2"]`, `[]`, `["batch"]`} {
		if got := fmt.Sprintf("%q", g.Inputs()[i].DimNames()); got != want {
			t.Errorf("dimensions of input %d are called %s, want %s", i, got, want)
		}
	}
	shape := []int{2, 3}
	build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, shape...)
		if shape[0] = 7; x.Shape[0] != 2 {
			t.Error("the input's shape is the caller's slice")
		}
	})
}

// TestBuildErrors: a fault names the operator, the operands and this file's line.
func TestBuildErrors(t *testing.T) {
	cases := []struct {
		name string
		f    func(g *onnxgraph.Graph)
		want string
	}{
		{"shapes", func(g *onnxgraph.Graph) {
			op.Mul(g.Input("q", onnxgraph.Float32, 2, 3), g.Input("k", onnxgraph.Float32, 2, 4))
		}, "onnxgraph: Mul(float[2 3] q, float[2 4] k): shapes [2 3] and [2 4] do not broadcast: dimension 1 is 3 and 4 at "},
		{"unknown operator", func(g *onnxgraph.Graph) { onnxgraph.Apply("Nothing", nil, g.Input("x", onnxgraph.Float32)) },
			"onnxgraph: Nothing(float[] x): operator is not registered at "},
		{"too many", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float32)
			onnxgraph.Apply("Neg", nil, x, x)
		}, "onnxgraph: Neg(float[] x, float[] x): takes inputs [X], got 2 at "},
		{"too few", func(g *onnxgraph.Graph) { onnxgraph.Apply("Add", nil, g.Input("x", onnxgraph.Float32)) },
			"onnxgraph: Add(float[] x): takes inputs [A B], got 1 at "},
		{"absent", func(g *onnxgraph.Graph) { onnxgraph.Apply("Add", nil, nil, g.Input("x", onnxgraph.Float32)) },
			"onnxgraph: Add(absent, float[] x): input A is absent at "},
		{"nothing", func(*onnxgraph.Graph) { onnxgraph.Apply("Add", nil, nil, nil) }, "onnxgraph: Add(): operator without operands at "},
		{"Go int", func(g *onnxgraph.Graph) {
			onnxgraph.Apply("Neg", onnxgraph.Attributes{"axis": 1}, g.Input("x", onnxgraph.Float32))
		}, "attribute axis is a Go int, want one of the types of Attributes at "},
		{"other graph", func(g *onnxgraph.Graph) {
			other := onnxgraph.NewGraph("other").Input("y", onnxgraph.Float32)
			op.Add(g.Input("x", onnxgraph.Float32), other)
		}, "onnxgraph: Add(float[] x, float[] y): operands are of different graphs, g and other at "},
		{"other graph's output", func(g *onnxgraph.Graph) { g.Output("y", onnxgraph.NewGraph("other").Input("y", onnxgraph.Float32)) },
			"onnxgraph: output y is a value of graph other, not of g at "},
		{"name taken", func(g *onnxgraph.Graph) { g.Input("x", onnxgraph.Float32); g.Input("x", onnxgraph.Float32) },
			`onnxgraph: graph g: the name "x" is empty or taken at `},
		{"output name taken", func(g *onnxgraph.Graph) { g.Output("x", op.Neg(g.Input("x", onnxgraph.Float32))) },
			`onnxgraph: graph g: the name "x" is empty or taken at `},
		{"no name", func(g *onnxgraph.Graph) { g.NamedConst("", onnxgraph.ScalarTensor(1.0)) }, `the name "" is empty or taken at `},
		{"dimension names", func(g *onnxgraph.Graph) { g.Input("x", onnxgraph.Float32, 2, 3).NameDims("batch") },
			"onnxgraph: 1 dimension names for input x of rank 2 at "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g, err := onnxgraph.Build("g", c.f)
			var fault *onnxgraph.Error
			if g != nil || !errors.As(err, &fault) {
				t.Fatalf("graph %v, error %v", g, err)
			}
			if !strings.Contains(err.Error(), c.want) || !regexp.MustCompile(` at graph_test\.go:\d+$`).MatchString(err.Error()) {
				t.Errorf("the error is\n %v\nwant\n %sgraph_test.go:LINE", err, c.want)
			}
		})
	}
}

// TestBuildPassesOtherPanics: only *Error becomes an error.
func TestBuildPassesOtherPanics(t *testing.T) {
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("recovered %v", r)
		}
	}()
	onnxgraph.Build("g", func(*onnxgraph.Graph) { panic("mine") })
}

// TestTrailingAbsentInputs are left out, as ONNX wants it.
func TestTrailingAbsentInputs(t *testing.T) {
	build(t, func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 2)
		n := onnxgraph.ApplyNode("ReduceSum", nil, x, nil)
		if len(n.Inputs) != 1 || n.Graph() != g || n.Outputs[0].Producer() != n {
			t.Errorf("the node is %+v", n)
		}
	})
}

func TestLookup(t *testing.T) {
	for _, domain := range []string{"", "ai.onnx"} {
		if s, err := onnxgraph.Lookup(domain, "Add"); err != nil || s.ID() != "Add" {
			t.Errorf("Add in domain %q: %v, %v", domain, s, err)
		}
	}
	if s, err := onnxgraph.Lookup("com.microsoft", "SoftmaxGrad_13"); err != nil || s.ID() != "com.microsoft.SoftmaxGrad_13" {
		t.Errorf("SoftmaxGrad_13: %v, %v", s, err)
	}
	if _, err := onnxgraph.Lookup("", "Ad"); err == nil || !strings.Contains(err.Error(), "operator Ad is not known; known are ") || !strings.Contains(err.Error(), "Add, ") {
		t.Errorf("Ad: %v", err)
	}
	ids := []string{}
	for _, s := range onnxgraph.Operators() {
		ids = append(ids, s.ID())
	}
	if !strings.Contains(strings.Join(ids, " "), "Add ") || len(ids) < 10 {
		t.Errorf("operators %v", ids)
	}
}

// TestRegisterRefuses states each rule for a schema.
func TestRegisterRefuses(t *testing.T) {
	good := func() onnxgraph.OpSchema {
		return onnxgraph.OpSchema{
			Name: "Unheard", Domain: "test", SinceVersion: 1, Inputs: []string{"X"}, Outputs: []string{"Y"},
			Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) { return []onnxgraph.Type{n.Inputs[0].Type}, nil },
			Grad:  onnxgraph.ZeroGradient("a test"),
			Body:  func(_ *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value { return in },
		}
	}
	for want, change := range map[string]func(s *onnxgraph.OpSchema){
		"is registered twice":       func(s *onnxgraph.OpSchema) { s.Name, s.Domain = "Add", "" },
		"states no gradient":        func(s *onnxgraph.OpSchema) { s.Grad = onnxgraph.Gradient{} },
		"has neither Eval nor Body": func(s *onnxgraph.OpSchema) { s.Body = nil },
		"has no shape inference":    func(s *onnxgraph.OpSchema) { s.Infer = nil },
		"has its gradient by decomposition and no Bo": func(s *onnxgraph.OpSchema) {
			s.Domain, s.Body, s.Eval, s.Grad = "", nil, evalNothing, onnxgraph.ByDecomposition()
		},
		"is not standard and has no Body": func(s *onnxgraph.OpSchema) { s.Body, s.Eval = nil, evalNothing },
	} {
		s := good()
		change(&s)
		func() {
			defer func() {
				if r := recover(); !strings.Contains(fmt.Sprint(r), want) {
					t.Errorf("panic %v, want %s", r, want)
				}
			}()
			onnxgraph.Register(s)
		}()
	}
}

func evalNothing(*onnxgraph.Node, []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) { return nil, nil }
