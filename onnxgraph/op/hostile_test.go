package op_test

import (
	"fmt"
	"math"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
)

// hostile are numbers that a model from a stranger may hold where an operator
// expects an axis, a size or a count.
var hostile = []int64{0, -1, 1, 2, -7, 1 << 20, math.MaxInt32, math.MaxInt64, math.MinInt64}

// TestHostileModels replaces each integer attribute and each constant operand of
// every gradient case by such numbers. A model may be refused with an error, by
// inference or by Eval; what must not happen is any other panic.
func TestHostileModels(t *testing.T) {
	tried := 0
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			for _, c := range gradcheck.Cases(schema.ID()) {
				g, _, err := gradcheck.Build(schema.ID(), c, onnxgraph.Float64)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range g.Nodes() {
					if n.Op != schema {
						continue
					}
					for _, v := range hostile {
						for name := range n.Attributes {
							attack(t, n, v, name, -1)
							tried++
						}
						for i := range n.Inputs {
							attack(t, n, v, "", i)
							tried++
						}
					}
				}
			}
		})
	}
	if tried < 1000 {
		t.Errorf("only %d models were tried", tried)
	}
}

// attack applies the node's operator with v in place of an attribute or of a
// constant operand.
func attack(t *testing.T, n *onnxgraph.Node, v int64, attribute string, operand int) {
	what := fmt.Sprintf("%d for attribute %q or operand %d of %v", v, attribute, operand, n.Attributes)
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
		}
	}()
	feeds := map[string]*onnxgraph.Tensor{}
	g, err := onnxgraph.Build("hostile", func(g *onnxgraph.Graph) {
		attributes := onnxgraph.Attributes{}
		for name, a := range n.Attributes {
			attributes[name] = a
		}
		switch list := attributes[attribute].(type) {
		case int64:
			attributes[attribute] = v
		case []int64:
			changed := append([]int64(nil), list...)
			changed[len(changed)-1] = v
			attributes[attribute] = changed
		}
		in := make([]*onnxgraph.Value, len(n.Inputs))
		for k, x := range n.Inputs {
			switch {
			case x == nil:
			case x.Constant() == nil:
				name := fmt.Sprintf("in%d", k)
				in[k] = g.Input(name, x.DType, x.Shape...)
				feeds[name] = onnxgraph.Zeros(x.DType, x.Shape)
			case k == operand && x.DType == onnxgraph.Int64 && x.Shape.Size() > 0:
				changed := x.Constant().Clone()
				onnxgraph.Data[int64](changed)[x.Shape.Size()-1] = v
				in[k] = g.Const(changed)
			default:
				in[k] = g.Const(x.Constant())
			}
		}
		for k, y := range onnxgraph.ApplyNode(n.Op.ID(), attributes, in...).Outputs {
			g.Output(fmt.Sprintf("out%d", k), y)
		}
	})
	if err != nil {
		return
	}
	for _, y := range g.Outputs() {
		for _, d := range y.Shape {
			if d > 1<<12 {
				return // it would take too long
			}
		}
	}
	_, _ = onnxgraph.Eval(g, feeds) // an error is as good as a result
}
