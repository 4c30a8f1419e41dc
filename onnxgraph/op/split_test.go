package op_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Split",
	gradcheck.Case{Name: "uneven", Shapes: [][]int{{2, 6, 3}}, Epsilon: 1,
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value { return op.Split(x[0], 1, 1, 3, 2) }},
	gradcheck.Case{Name: "one part unused", Shapes: [][]int{{4, 3}}, Epsilon: 1,
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value { return op.Split(x[0], 0, 1, 1, 2)[1:] }},
)

// TestSplitSizes: parts that are not the whole are refused, where the sizes are known
// and where they show only when the graph runs.
func TestSplitSizes(t *testing.T) {
	split := func(rows int, sizes ...int) (*onnxgraph.Graph, error) {
		return onnxgraph.Build("test", func(g *onnxgraph.Graph) {
			for i, y := range op.Split(g.Input("x", onnxgraph.Float64, rows), 0, sizes...) {
				g.Output(string(rune('a'+i)), y)
			}
		})
	}
	for _, sizes := range [][]int{{2, 2}, {6, -1}} {
		if _, err := split(5, sizes...); err == nil {
			t.Errorf("5 rows were split into %v", sizes)
		}
	}
	for _, sizes := range [][]int{{2, 2}, {1, 1}} {
		g, err := split(onnxgraph.Dynamic, sizes...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{"x": onnxgraph.Zeros(onnxgraph.Float64, []int{3})})
		if err == nil || !strings.Contains(err.Error(), "do not add up to dimension 0 of [3]") {
			t.Errorf("3 rows split into %v: %v", sizes, err)
		}
	}
}
