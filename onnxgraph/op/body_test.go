package op_test

import (
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
)

// TestBodyIsEval checks that an operator which has both means the same by both: on
// each gradient case, values and cotangents with all bodies inlined are those with
// each operator's own Eval.
func TestBodyIsEval(t *testing.T) {
	checked := 0
	for _, schema := range onnxgraph.Operators() {
		if schema.Eval == nil || schema.Body == nil {
			continue
		}
		for _, c := range gradcheck.Cases(schema.ID()) {
			checked++
			t.Run(schema.ID()+"/"+c.Name, func(t *testing.T) {
				g, feeds, err := gradcheck.Build(schema.ID(), c, onnxgraph.Float64)
				if err != nil {
					t.Fatal(err)
				}
				inlined, err := g.Inline(nil)
				if err != nil {
					t.Fatal(err)
				}
				want, err := onnxgraph.Eval(g, feeds)
				if err != nil {
					t.Fatal(err)
				}
				got, err := onnxgraph.Eval(inlined, feeds)
				if err != nil {
					t.Fatal(err)
				}
				for name, w := range want {
					if err := numtest.Compare(got[name].Float64s(), w.Float64s(), numtest.Tolerance("double", numtest.Summed)); err != nil {
						t.Errorf("output %s: %v", name, err)
					}
				}
			})
		}
	}
	if checked == 0 {
		t.Error("no operator has both an Eval and a Body")
	}
}

// TestBodyIgnoresSizes checks that one function body serves operands of other
// sizes: a model holds one per operator.
func TestBodyIgnoresSizes(t *testing.T) {
	checked := 0
	for _, schema := range onnxgraph.Operators() {
		if schema.Body == nil {
			continue
		}
		for _, c := range gradcheck.Cases(schema.ID()) {
			g, _, err := gradcheck.Build(schema.ID(), c, onnxgraph.Float64)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range g.Nodes() {
				if n.Op == schema {
					checked++
					compareBodies(t, c.Name, n)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no case applies an operator with a Body")
	}
}

// compareBodies applies the node's operator once more, with a larger leading
// dimension, and asks for the functions of both.
func compareBodies(t *testing.T, name string, n *onnxgraph.Node) {
	g, err := onnxgraph.Build("sizes", func(g *onnxgraph.Graph) {
		for _, more := range []int{0, 3} {
			in := make([]*onnxgraph.Value, len(n.Inputs))
			for k, v := range n.Inputs {
				shape := v.Shape.Clone()
				// Vectors belong to the last dimension, weights have a size of their own.
				if len(shape) > 1 && shape[0] == n.Inputs[0].Shape[0] {
					shape[0] += more
				}
				in[k] = g.Input(string(rune('a'+k+10*more)), v.DType, shape...)
			}
			onnxgraph.ApplyNode(n.Op.ID(), n.Attributes, in...)
		}
	})
	if err == nil {
		_, err = g.Functions()
	}
	if err != nil {
		t.Errorf("%s, case %s: %v", n.Op.ID(), name, err)
	}
}
