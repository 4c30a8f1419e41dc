package detect_test

import (
	"slices"
	"testing"

	"pmx/builders/detect"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/runtimes/runtimetest"
)

// TestClip clips to the image inside the square: what lies beside it becomes empty.
func TestClip(t *testing.T) {
	g, err := onnxgraph.Build("clip", func(g *onnxgraph.Graph) {
		clipped := detect.Clip(g.Input("boxes", onnxgraph.Float32, 1, 3, 4), g.Input("sizes", onnxgraph.Float32, 1, 1, 4))
		g.Output("clipped", clipped)
		g.Output("filled", op.Cast(detect.NonEmpty(clipped), onnxgraph.Int64))
	})
	if err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{
		"boxes": onnxgraph.NewTensor([]int{1, 3, 4}, []float32{-5, 3, 70, 80 /**/, 61, 3, 65, 8 /**/, 1, 2, 3, 4}),
		"sizes": onnxgraph.NewTensor([]int{1, 1, 4}, []float32{60, 40, 60, 40}),
	}
	runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
		if v, want := got["clipped"].Float64s(), []float64{0, 3, 60, 40, 60, 3, 60, 8, 1, 2, 3, 4}; !slices.Equal(v, want) {
			t.Errorf("clipped %v, want %v", v, want)
		}
		if v, want := onnxgraph.Data[int64](got["filled"]), []int64{1, 0, 1}; !slices.Equal(v, want) {
			t.Errorf("not empty %v, want %v", v, want)
		}
	})
}
