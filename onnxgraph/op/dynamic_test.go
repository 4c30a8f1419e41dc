package op_test

import (
	"fmt"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
)

// needsFixed lists, by operator, why an input's dimension cannot be Dynamic. Every
// other operator must infer from Dynamic dimensions.
var needsFixed = map[string]string{
	"Conv":                  "the kernel's shape",
	"ConvTranspose":         "the kernel's shape",
	"Squeeze":               "without axes, a Dynamic dimension may be 1 or not",
	"pmx.Attention":         "the width of a head",
	"pmx.ClassAttention":    "the width of a head",
	"pmx.BatchNormTraining": "the number of channels",
}

// TestInferDynamic makes each dimension of each operand Dynamic in turn and infers
// again: what comes out must be what the fixed shapes give, or Dynamic.
func TestInferDynamic(t *testing.T) {
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			for _, c := range gradcheck.Cases(schema.ID()) {
				g, _, err := gradcheck.Build(schema.ID(), c, onnxgraph.Float64)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range g.Nodes() {
					if n.Op == schema {
						inferEachDynamic(t, c.Name, n)
					}
				}
			}
		})
	}
}

func inferEachDynamic(t *testing.T, name string, n *onnxgraph.Node) {
	for i, x := range n.Inputs {
		if x == nil || x.Constant() != nil || !x.DType.IsFloat() {
			continue
		}
		for d := range x.Shape {
			where := fmt.Sprintf("case %s: dimension %d of input %d", name, d, i)
			var got []*onnxgraph.Value
			_, err := onnxgraph.Build("dynamic", func(g *onnxgraph.Graph) {
				in := make([]*onnxgraph.Value, len(n.Inputs))
				for k, v := range n.Inputs {
					switch {
					case v == nil:
					case v.Constant() != nil:
						in[k] = g.Const(v.Constant())
					default:
						shape := v.Shape.Clone()
						if k == i {
							shape[d] = onnxgraph.Dynamic
						}
						in[k] = g.Input(fmt.Sprintf("in%d", k), v.DType, shape...)
					}
				}
				got = onnxgraph.ApplyNode(n.Op.ID(), n.Attributes, in...).Outputs
			})
			if err != nil {
				if needsFixed[n.Op.ID()] == "" {
					t.Errorf("%s: %v", where, err)
				}
				continue
			}
			for k, y := range got {
				if want := n.Outputs[k]; y.DType != want.DType || !compatible(y.Shape, want.Shape) {
					t.Errorf("%s: output %d is %v, with fixed shapes %v", where, k, y.Type, want.Type)
				}
			}
		}
	}
}

func compatible(dynamic, fixed onnxgraph.Shape) bool {
	if len(dynamic) != len(fixed) {
		return false
	}
	for i, d := range dynamic {
		if d != onnxgraph.Dynamic && d != fixed[i] {
			return false
		}
	}
	return true
}
