package onnxgraph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

var passes = map[string]func(*onnxgraph.Graph) (*onnxgraph.Graph, error){
	"StripIdentities": onnxgraph.StripIdentities,
	"FoldConstants":   onnxgraph.FoldConstants,
	"MergeEqualNodes": onnxgraph.MergeEqualNodes,
	"Prune":           onnxgraph.Prune,
	"Optimize":        (*onnxgraph.Graph).Optimize,
	"Inline":          func(g *onnxgraph.Graph) (*onnxgraph.Graph, error) { return g.Inline(nil) },
}

// TestPassesKeepNumbers evaluates random graphs before and after each pass: in
// float64 the same operations on the same values give the same bits.
func TestPassesKeepNumbers(t *testing.T) {
	for name, pass := range passes {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				g, feeds := drawGraph(t)
				before := g.String()
				after, err := pass(g)
				if err != nil {
					t.Fatalf("%v\n%s", err, g)
				}
				if g.String() != before {
					t.Fatalf("the pass changed its input to\n%s", g)
				}
				for i, v := range g.Outputs() {
					if w := after.Outputs()[i]; w.Name != v.Name || w.Type.String() != v.Type.String() {
						t.Fatalf("output %d is %v %s, want %v %s", i, w.Type, w.Name, v.Type, v.Name)
					}
				}
				for i, v := range g.Inputs() {
					if w := after.Inputs()[i]; w.Name != v.Name || w.Type.String() != v.Type.String() {
						t.Fatalf("input %d is %v %s, want %v %s", i, w.Type, w.Name, v.Type, v.Name)
					}
				}
				checkNames(t, after)
				sameOutputs(t, g, after, feeds, 0)
			})
		})
	}
}

// checkNames fails where two nodes or two values share a name.
func checkNames(t tester, g *onnxgraph.Graph) {
	nodes, values := map[string]bool{}, map[string]bool{}
	take := func(seen map[string]bool, name string) {
		if name == "" || seen[name] {
			t.Fatalf("the name %q is empty or given twice in\n%s", name, g)
		}
		seen[name] = true
	}
	for _, v := range slices.Concat(g.Inputs(), g.Constants()) {
		take(values, v.Name)
	}
	for _, n := range g.Nodes() {
		take(nodes, n.Name)
		for _, v := range n.Outputs {
			take(values, v.Name)
		}
	}
}

// TestOptimizeLeavesNothingToDo checks what Optimize promises.
func TestOptimizeLeavesNothingToDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, _ := drawGraph(t)
		lean, err := g.Optimize()
		if err != nil {
			t.Fatal(err)
		}
		outputs := map[*onnxgraph.Value]bool{}
		for _, v := range lean.Outputs() {
			outputs[v] = true
		}
		used := map[*onnxgraph.Value]bool{}
		seen := map[string]bool{}
		for _, n := range lean.Nodes() {
			id := n.Op.ID()
			if id == "pmx.StopGradient" || id == "Identity" && !outputs[n.Outputs[0]] {
				t.Fatalf("%s is still there:\n%s", n.Name, lean)
			}
			operands := fmt.Sprint(id, n.Attributes)
			for _, v := range n.Inputs {
				operands += " " + v.Name
			}
			if id != "Identity" && seen[operands] {
				t.Fatalf("%s is there twice:\n%s", n.Name, lean)
			}
			seen[operands] = true
			constant := n.Op.Domain == "" && id != "Identity"
			for _, v := range n.Inputs {
				used[v] = true
				constant = constant && v.Constant() != nil
			}
			if constant {
				t.Fatalf("%s computes a constant:\n%s", n.Name, lean)
			}
		}
		for _, n := range lean.Nodes() {
			if !slices.ContainsFunc(n.Outputs, func(v *onnxgraph.Value) bool { return used[v] || outputs[v] }) {
				t.Fatalf("nothing reads %s:\n%s", n.Name, lean)
			}
		}
		for _, v := range lean.Constants() {
			if !used[v] {
				t.Fatalf("nothing reads %s:\n%s", v.Name, lean)
			}
		}
		again, err := lean.Optimize()
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Nodes()) != len(lean.Nodes()) || len(again.Constants()) != len(lean.Constants()) {
			t.Fatalf("optimized again:\n%s\nbefore:\n%s", again, lean)
		}
	})
}

// TestPassesText shows each pass on a graph of a few lines.
func TestPassesText(t *testing.T) {
	cases := []struct{ name, pass, before, after string }{
		{"identity between", "StripIdentities", `
			a = Identity (x)
			b = pmx.StopGradient (a)
			y = Neg (b)`, `
			y = Neg (x)`},
		{"identity of an input as output", "StripIdentities", `
			y = Identity (x)`, `
			[Identity] y = Identity (x)`},
		{"fold", "FoldConstants", `
			c = Constant <value = float[2] {1, 2}> ()
			d = Add (c, c)
			e = Neg (d)
			y = Mul (x, e)`, `
			<float[2] c = {1, 2}, float[2] const = {2, 4}, float[2] const_1 = {-2, -4}>
			y = Mul (x, const_1)`},
		{"merge", "MergeEqualNodes", `
			a = Neg (x)
			b = Neg (x)
			y = Add (a, b)`, `
			a = Neg (x)
			y = Add (a, a)`},
		{"other attributes are not merged", "MergeEqualNodes", `
			a = ReduceSum <keepdims = 1> (x)
			b = ReduceSum <keepdims = 0> (x)
			y = Add (a, b)`, `
			a = ReduceSum <keepdims = 1> (x)
			b = ReduceSum <keepdims = 0> (x)
			y = Add (a, b)`},
		{"prune", "Prune", `
			c = Constant <value = float[2] {1, 2}> ()
			a = Add (x, c)
			b = Exp (a)
			y = Neg (x)`, `
			y = Neg (x)`},
		{"inline", "Inline", `
			["blocks.0/act"] g = com.microsoft.SoftmaxGrad_13 <axis = -1> (x, x)
			y = Neg (g)`, `
			<int64[1] const = {-1}>
			"blocks.0/act/Mul" = Mul (x, x)
			"blocks.0/act/ReduceSum" = ReduceSum <keepdims = 1> ("blocks.0/act/Mul", const)
			"blocks.0/act/Sub" = Sub (x, "blocks.0/act/ReduceSum")
			"blocks.0/act/Mul_1" = Mul (x, "blocks.0/act/Sub")
			y = Neg ("blocks.0/act/Mul_1")`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := parse(t, "g (float[2] x) => (float[] y) {"+c.before+"}")
			got, err := passes[c.pass](m.Graph)
			if err != nil {
				t.Fatal(err)
			}
			if want := lines(c.after); body(got) != want {
				t.Errorf("%s gave\n%s\nwant\n%s", c.pass, body(got), want)
			}
		})
	}
}

// body is a graph's text from the constants on, as the cases above write it.
func body(g *onnxgraph.Graph) string {
	text := g.String()
	text = text[strings.Index(text, "\n"):]
	text = strings.ReplaceAll(text, ",\n   ", ", ")
	text = strings.ReplaceAll(text, "<\n   ", "<")
	text = strings.ReplaceAll(text, "\n>", ">")
	return lines(strings.NewReplacer("{\n", "", "}\n", "").Replace(text))
}

// lines trims each line and leaves out empty ones.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// TestRewriteKeepsNames: names of weights, dimensions and outputs are what users
// of the file see.
func TestRewriteKeepsNames(t *testing.T) {
	g, err := onnxgraph.Build("g", func(g *onnxgraph.Graph) {
		x := g.Input("const", onnxgraph.Float32, onnxgraph.Dynamic, 2).NameDims("batch", "")
		zeros := func() *onnxgraph.Tensor { return onnxgraph.Zeros(onnxgraph.Float32, []int{2}) }
		a := op.Add(x, g.NamedConst("blocks.0.norm.bias", zeros()))
		b := op.Add(a, g.NamedConst("blocks.1.norm.bias", zeros()))
		c := op.Mul(b, g.NamedConst("constant", zeros()))
		g.Output("const_7", op.Add(c, op.Scalar(c, 3))).NameDims("batch", "")
	})
	if err != nil {
		t.Fatal(err)
	}
	lean, err := g.Optimize()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range lean.Constants() {
		names = append(names, v.Name)
	}
	if got := strings.Join(names, " "); got != "blocks.0.norm.bias blocks.1.norm.bias constant const_1" {
		t.Errorf("constants %s", got)
	}
	out := lean.Outputs()[0]
	if out.Name != "const_7" || len(out.DimNames()) != 2 || out.DimNames()[0] != "batch" {
		t.Errorf("output %s with dimensions %q", out.Name, out.DimNames())
	}
	checkNames(t, lean)
}

// TestMergeComparesWholeAttributes: tensors that differ in an element, a shape or
// a type are not equal, however large.
func TestMergeComparesWholeAttributes(t *testing.T) {
	big := make([]int64, 100)
	other := make([]int64, 100)
	other[99] = 1
	for name, pair := range map[string][2]*onnxgraph.Tensor{
		"late element": {onnxgraph.NewTensor([]int{100}, big), onnxgraph.NewTensor([]int{100}, other)},
		"shape":        {onnxgraph.NewTensor([]int{2, 1}, big[:2]), onnxgraph.NewTensor([]int{2}, big[:2])},
		"type":         {onnxgraph.NewTensor([]int{1}, []float32{1}), onnxgraph.NewTensor([]int{1}, []int64{1})},
		"precision":    {onnxgraph.ScalarTensor(0.1), onnxgraph.ScalarTensor(0.1 + 1e-12)},
		"integer":      {onnxgraph.ScalarTensor(int64(1 << 60)), onnxgraph.ScalarTensor(int64(1<<60 + 1))},
	} {
		g, err := onnxgraph.Build("g", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float32, 2)
			g.Output("a", onnxgraph.Apply("Neg", onnxgraph.Attributes{"t": pair[0]}, x))
			g.Output("b", onnxgraph.Apply("Neg", onnxgraph.Attributes{"t": pair[1]}, x))
		})
		if err != nil {
			t.Fatal(err)
		}
		merged, err := onnxgraph.MergeEqualNodes(g)
		if err != nil {
			t.Fatal(err)
		}
		if len(merged.Nodes()) != 2 {
			t.Errorf("%s: nodes with different attributes became one", name)
		}
	}
}

// TestFoldKeepsType: constants are folded in float64 and rounded to the type.
func TestFoldKeepsType(t *testing.T) {
	g, err := onnxgraph.Build("g", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 1)
		c := g.NamedConst("c", onnxgraph.NewTensor([]int{1}, []float32{0.1}))
		g.Output("y", op.Add(x, op.Mul(c, c)))
	})
	if err != nil {
		t.Fatal(err)
	}
	lean, err := g.Optimize()
	if err != nil {
		t.Fatal(err)
	}
	c := lean.Constants()[0].Constant()
	if got, want := onnxgraph.Data[float32](c)[0], float32(float64(float32(0.1))*float64(float32(0.1))); len(lean.Nodes()) != 1 || got != want {
		t.Errorf("0.1² folded to %v (%v), want %v", got, c, want)
	}
	large, err := onnxgraph.Build("g", func(g *onnxgraph.Graph) {
		x := g.Input("x", onnxgraph.Float32, 1)
		g.Output("y", op.Add(x, op.Expand(op.Scalar(x, 1), 1<<17)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if lean, err = large.Optimize(); err != nil || len(lean.Nodes()) != 2 {
		t.Errorf("a result of 131,072 elements was folded into the graph (%v)", err)
	}
}

// TestFoldEveryType: what is folded is of the type that the node gave; float16, of
// which Eval keeps no rounded numbers, is left to the runtime.
func TestFoldEveryType(t *testing.T) {
	for dtype, folds := range map[onnxgraph.DType]bool{
		onnxgraph.Float32: true, onnxgraph.Float64: true, onnxgraph.Int64: true, onnxgraph.Int32: true, onnxgraph.Int8: true,
		onnxgraph.Uint8: true, onnxgraph.Uint64: true, onnxgraph.Bool: true, onnxgraph.Float16: false, onnxgraph.BFloat16: false,
	} {
		g := build(t, func(g *onnxgraph.Graph) {
			c := g.Const(onnxgraph.NewTensor([]int{3}, []float32{0, 1, 2}))
			g.Output("y", op.Transpose(op.Cast(c, dtype)))
		})
		lean, err := onnxgraph.FoldConstants(g)
		if err != nil {
			t.Fatal(err)
		}
		y := lean.Outputs()[0]
		if left := len(lean.Nodes()); y.DType != dtype || folds != (left == 1) {
			t.Errorf("%v: folded to %v, %d nodes left", dtype, y.Type, left)
		}
		for _, c := range lean.Constants() {
			if folds && c.DType != c.Constant().DType() {
				t.Errorf("%v: constant %s is declared %v and holds %v", dtype, c.Name, c.DType, c.Constant())
			}
		}
		for _, n := range lean.Nodes() {
			if folds && n.Inputs[0].DType != dtype {
				t.Errorf("%v: what is folded is %v", dtype, n.Inputs[0].Type)
			}
		}
	}
}
