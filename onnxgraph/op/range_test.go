package op_test

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestRange counts as numpy's arange does.
func TestRange(t *testing.T) {
	f := func(x []*onnxgraph.Value) []*onnxgraph.Value { return []*onnxgraph.Value{op.Range(x[0], x[1], x[2])} }
	for _, c := range []struct {
		name                string
		start, limit, delta *onnxgraph.Tensor
		want                *onnxgraph.Tensor
	}{
		{"up", tensor(nil, 1.0), tensor(nil, 5.0), tensor(nil, 2.0), row(1.0, 3)},
		{"fractions", tensor(nil, 2.0), tensor(nil, 3.1), tensor(nil, 0.5), row(2.0, 2.5, 3)},
		{"down", tensor[int64](nil, 10), tensor[int64](nil, 6), tensor[int64](nil, -3), row[int64](10, 7)},
		{"away from the limit", tensor[int64](nil, 3), tensor[int64](nil, 9), tensor[int64](nil, -1), row[int64]()},
	} {
		same(t, c.name, evaluate(t, f, c.start, c.limit, c.delta)[0], c.want)
	}
	_, err := onnxgraph.Build("standing", func(g *onnxgraph.Graph) {
		op.Range(g.Const(tensor(nil, 1.0)), g.Const(tensor(nil, 2.0)), g.Const(tensor(nil, 0.0)))
	})
	if err == nil || !strings.Contains(err.Error(), "no range from 1 to 2 by 0") {
		t.Errorf("a range that stands still: %v", err)
	}
}
