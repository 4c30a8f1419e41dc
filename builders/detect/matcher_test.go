package detect_test

import (
	"testing"

	"pmx/builders/detect"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/runtimes/runtimetest"
)

// TestMatchObjects gives three images a number of objects that is known only as the
// graph runs: one that touches no box, a pair of which one is absent, and none. As in
// detectron2 the boxes of an object are foreground, of no object background; unlike
// there, an object that touches nothing makes nothing foreground.
func TestMatchObjects(t *testing.T) {
	objects := onnxgraph.NewTensor([]int{3, 2, 4}, []float32{
		90, 90, 99, 99 /**/, 0, 0, 0, 0,
		0, 0, 4, 4 /*  */, 0, 0, 10, 10,
		0, 0, 10, 10 /**/, 0, 0, 10, 10,
	})
	present := onnxgraph.NewTensor([]int{3, 2}, []bool{true, false, true, false, false, false})
	boxes := onnxgraph.NewTensor([]int{1, 3, 4}, []float32{0, 0, 10, 10 /**/, 2, 2, 4, 4 /**/, 20, 20, 30, 30})
	g, err := onnxgraph.Build("match", func(g *onnxgraph.Graph) {
		iou := detect.IoU(g.Input("objects", onnxgraph.Float32, 3, onnxgraph.Dynamic, 4), g.Input("boxes", onnxgraph.Float32, 1, 3, 4))
		m := detect.AnchorMatcher.Match(iou, g.Input("present", onnxgraph.Bool, 3, onnxgraph.Dynamic))
		for name, v := range map[string]*onnxgraph.Value{"foreground": m.Foreground, "background": m.Background, "object": m.Object} {
			if !v.Shape.Equal(onnxgraph.Shape{3, 3}) {
				t.Errorf("%s is %v, want [3 3]", name, v.Shape)
			}
			g.Output(name, op.Cast(v, onnxgraph.Int64))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// The object of image 1 overlaps box 0 by 0.16 and box 1 by 0.25.
	want := map[string][]int64{
		"foreground": {0, 0, 0, 0, 1, 0, 0, 0, 0},
		"background": {1, 1, 1, 1, 0, 1, 1, 1, 1},
		"object":     {0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	feeds := map[string]*onnxgraph.Tensor{"objects": objects, "present": present, "boxes": boxes}
	runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
		for name, w := range want {
			for i, v := range onnxgraph.Data[int64](got[name]) {
				if v != w[i] {
					t.Errorf("%s of image %d, box %d is %d, want %d", name, i/3, i%3, v, w[i])
				}
			}
		}
	})
}
