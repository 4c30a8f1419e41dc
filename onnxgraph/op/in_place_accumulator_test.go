package op_test

import (
	"slices"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

func TestInPlaceAccumulator(t *testing.T) {
	g, err := onnxgraph.Build("accumulate", func(g *onnxgraph.Graph) {
		buffer, x := g.Input("buffer", onnxgraph.Float32, 2), g.Input("x", onnxgraph.Float32, 2)
		written, next := op.InPlaceAccumulator(buffer, x, g.Input("overwrite", onnxgraph.Bool, 1))
		g.Output("written", written)
		g.Output("next", next)
	})
	if err != nil {
		t.Fatal(err)
	}
	for overwrite, want := range map[bool][]float64{false: {11, 22}, true: {1, 2}} {
		out, err := onnxgraph.NewEvaluator(g).Run(map[string]*onnxgraph.Tensor{
			"buffer":    onnxgraph.NewTensor([]int{2}, []float32{10, 20}),
			"x":         onnxgraph.NewTensor([]int{2}, []float32{1, 2}),
			"overwrite": onnxgraph.NewTensor([]int{1}, []bool{overwrite}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := out["next"].Float64s(); !slices.Equal(got, want) {
			t.Errorf("overwrite %v: %v, want %v", overwrite, got, want)
		}
		if !onnxgraph.Data[bool](out["written"])[0] {
			t.Errorf("overwrite %v: the flag is false", overwrite)
		}
	}
}

func TestInPlaceAccumulatorRefuses(t *testing.T) {
	for name, shape := range map[string][]int{"another shape": {1, 2}, "one that broadcasts": {1}} {
		_, err := onnxgraph.Build("accumulate", func(g *onnxgraph.Graph) {
			op.InPlaceAccumulator(g.Input("buffer", onnxgraph.Float32, 2), g.Input("x", onnxgraph.Float32, shape...), g.Input("overwrite", onnxgraph.Bool, 1))
		})
		if err == nil || !strings.Contains(err.Error(), "of one shape") {
			t.Errorf("%s: want an error about the shape, got %v", name, err)
		}
	}
}
