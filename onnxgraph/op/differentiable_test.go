package op_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
)

// TestAgreesWithONNXFlags compares our gradients with ONNX's own schema: an input
// that ONNX calls NonDifferentiable must get no cotangent, one that it calls
// Differentiable must get one. Where ONNX says Unknown there is nothing to compare.
// The versions must agree, too. testdata/differentiable.py wrote the table.
func TestAgreesWithONNXFlags(t *testing.T) {
	raw, err := os.ReadFile("testdata/differentiable.json")
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]struct {
		SinceVersion int      `json:"since_version"`
		Inputs       []string `json:"inputs"`
	}
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	for _, schema := range onnxgraph.Operators() {
		if schema.Domain != "" {
			continue
		}
		t.Run(schema.Name, func(t *testing.T) {
			row, ok := table[schema.Name]
			if !ok {
				t.Fatalf("not in the table: run testdata/differentiable.py with every operator's name")
			}
			if schema.SinceVersion != row.SinceVersion {
				t.Errorf("SinceVersion is %d, ONNX says %d", schema.SinceVersion, row.SinceVersion)
			}
			if len(schema.Inputs) != len(row.Inputs) {
				t.Errorf("%d inputs %v, ONNX has %d", len(schema.Inputs), schema.Inputs, len(row.Inputs))
				return
			}
			switch {
			case schema.Grad.VJP() != nil:
				compareFlags(t, schema, row.Inputs)
			case !schema.Grad.Decomposes() && slices.Contains(row.Inputs, "yes"):
				t.Errorf("it has no gradient, and ONNX calls its inputs differentiable: %v", row.Inputs)
			}
		})
	}
}

// compareFlags runs the operator's rule on each of its gradient cases.
func compareFlags(t *testing.T, schema *onnxgraph.OpSchema, flags []string) {
	seen := 0
	for _, c := range gradcheck.Cases(schema.ID()) {
		_, err := onnxgraph.Build("flags", func(g *onnxgraph.Graph) {
			x := make([]*onnxgraph.Value, len(c.Shapes))
			for i, shape := range c.Shapes {
				x[i] = g.Input(string(rune('a'+i)), onnxgraph.Float64, shape...)
			}
			c.Fn(x)
			for _, n := range g.Nodes() {
				if n.Op != schema || !n.Outputs[0].DType.IsFloat() {
					continue
				}
				gy := make([]*onnxgraph.Value, len(n.Outputs))
				gy[0] = g.Const(onnxgraph.Zeros(onnxgraph.Float64, n.Outputs[0].Shape))
				for i, gx := range schema.Grad.VJP()(n, gy) {
					flag := flags[min(i, len(flags)-1)]
					in := n.Inputs[i]
					if in == nil || !in.DType.IsFloat() && flag == "yes" {
						continue // nothing flows to an integer, whatever the flag
					}
					if flag == "yes" && gx == nil || flag == "no" && gx != nil {
						t.Errorf("case %s: input %d (%s) gets cotangent %v, ONNX calls it differentiable: %s", c.Name, i, in.Name, gx != nil, flag)
					}
					seen++
				}
			}
		})
		if err != nil {
			t.Errorf("case %s: %v", c.Name, err)
		}
	}
	if seen == 0 {
		t.Error("no case applies the operator to floats")
	}
}
