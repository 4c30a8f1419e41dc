package op_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestSignature: "... D, D, D -> ... D, ... 1, ... 1" on Dynamic dimensions and on
// others that fit and do not.
func TestSignature(t *testing.T) {
	const D = onnxgraph.Dynamic
	for _, c := range []struct {
		name           string
		x, scale, bias onnxgraph.Shape
		want           string // the shapes of Y and mean, or a part of the error
	}{
		{"fixed", onnxgraph.Shape{2, 5, 3}, onnxgraph.Shape{3}, onnxgraph.Shape{3}, "[2 5 3] [2 5 1]"},
		{"no leading dimension", onnxgraph.Shape{3}, onnxgraph.Shape{3}, onnxgraph.Shape{3}, "[3] [1]"},
		{"a later operand knows the size", onnxgraph.Shape{2, D}, onnxgraph.Shape{D}, onnxgraph.Shape{3}, "[2 3] [2 1]"},
		{"nobody knows the size", onnxgraph.Shape{D, D}, onnxgraph.Shape{D}, onnxgraph.Shape{D}, "[? ?] [? 1]"},
		{"two later operands differ", onnxgraph.Shape{2, D}, onnxgraph.Shape{4}, onnxgraph.Shape{3}, "want X [... D], scale [D], B [D] of one float type"},
		{"a size of 1 does not broadcast", onnxgraph.Shape{2, 3}, onnxgraph.Shape{1}, onnxgraph.Shape{3}, "want X"},
		{"too few dimensions", onnxgraph.Shape{}, onnxgraph.Shape{3}, onnxgraph.Shape{3}, "want X"},
		{"too many dimensions", onnxgraph.Shape{2, 3}, onnxgraph.Shape{3, 1}, onnxgraph.Shape{3}, "want X"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			_, err := onnxgraph.Build("signature", func(g *onnxgraph.Graph) {
				input := func(name string, shape onnxgraph.Shape) *onnxgraph.Value {
					return g.Input(name, onnxgraph.Float32, shape...)
				}
				y := op.PMXLayerNorm(input("x", c.x), input("scale", c.scale), input("bias", c.bias), 1e-6)
				got = y.Shape.String() + " " + y.Producer().Outputs[1].Shape.String()
			})
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
