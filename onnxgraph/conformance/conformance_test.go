package conformance_test

import (
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/conformance"
	_ "pmx/onnxgraph/op"
)

// TestEval runs every official case of a registered operator on Eval.
func TestEval(t *testing.T) {
	cases, left := conformance.MustLoad(t)
	covered := map[string]bool{}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := onnxgraph.Eval(c.Model.Graph, c.Feeds)
			if err == nil {
				err = c.Compare(got)
			}
			if err != nil {
				t.Errorf("%v: %v", c.Operators, err)
			}
		})
		for _, op := range c.Operators {
			covered[op] = true
		}
	}
	for _, schema := range onnxgraph.Operators() {
		if schema.Domain == "" && !covered[schema.Name] {
			t.Errorf("no official case runs %s", schema.Name)
		}
	}
	t.Log(conformance.Summary(len(cases), left))
}
