package op_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
	"pmx/runtimes/runtimetest"
)

// recordedOperators is what torchvision's operators give under detectron2.
const recordedOperators = "detection/ops.safetensors"

// TestRoiAlignRecorded compares values and gradients with torchvision's.
func TestRoiAlignRecorded(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedOperators)
	rois := onnxgraph.Data[float32](recorded["roi_align/rois"])
	var boxes []float32
	var images []int64
	for row := range slices.Chunk(rois, 5) {
		images, boxes = append(images, int64(row[0])), append(boxes, row[1:]...)
	}
	for name, a := range map[string]op.RoiAlignAttrs{
		"box":  {Height: 7, Width: 7, SpatialScale: 0.25},
		"mask": {Height: 14, Width: 14, SpatialScale: 0.25},
		"two":  {Height: 7, Width: 7, SpatialScale: 0.25, SamplingRatio: 2},
		"old":  {Height: 7, Width: 7, SpatialScale: 0.25, OutputHalfPixel: true},
	} {
		// The gradient by images is another path than that of a computed batch.
		for _, constant := range []bool{true, false} {
			feeds := map[string]*onnxgraph.Tensor{
				"x": recorded["roi_align/x"], "dy": recorded["roi_align/"+name+"/dy"],
				"rois": onnxgraph.NewTensor([]int{len(images), 4}, boxes), "images": row(images...),
			}
			g, err := onnxgraph.Build(name, func(g *onnxgraph.Graph) {
				input := func(name string) *onnxgraph.Value { return g.Input(name, feeds[name].DType(), feeds[name].Shape()...) }
				x, batch := input("x"), g.Const(feeds["images"])
				if !constant {
					batch = input("images")
				}
				y := op.RoiAlign(x, input("rois"), batch, a)
				g.Output("y", y)
				g.Output("dx", autodiff.Pullback([]*onnxgraph.Value{y}, []*onnxgraph.Value{input("dy")}, []*onnxgraph.Value{x})[0])
			})
			if err != nil {
				t.Fatal(err)
			}
			if constant {
				delete(feeds, "images")
			}
			t.Run(fmt.Sprint(name, " constant ", constant), func(t *testing.T) {
				runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
					for _, output := range []string{"y", "dx"} {
						want := recorded["roi_align/"+name+"/"+output].Float64s()
						if err := numtest.Compare(got[output].Float64s(), want, numtest.Tolerance("float", numtest.Summed)); err != nil {
							t.Errorf("%s: %v", output, err)
						}
					}
				})
			})
		}
	}
}

// TestNonMaxSuppressionRecorded compares what stays, plain and kind by kind, with
// torchvision's.
func TestNonMaxSuppressionRecorded(t *testing.T) {
	recorded := runtimetest.Recorded(t, recordedOperators)
	scores := onnxgraph.Data[float32](recorded["nms/scores"])
	kinds := recorded["nms/kinds"].Float64s()
	n := len(scores)
	classes := int(slices.Max(kinds)) + 1
	byKind := make([]float32, classes*n)
	for i := range byKind {
		byKind[i] = -1e38
		if int(kinds[i%n]) == i/n {
			byKind[i] = scores[i%n]
		}
	}
	for _, threshold := range []float64{0.5, 0.7} {
		for prefix, rows := range map[string][]float32{"nms/keep_": scores, "nms/keep_by_kind_": byKind} {
			name := fmt.Sprint(prefix, threshold)
			feeds := map[string]*onnxgraph.Tensor{
				"boxes": recorded["nms/boxes"].WithShape([]int{1, n, 4}), "scores": onnxgraph.NewTensor([]int{1, len(rows) / n, n}, rows),
			}
			g, err := onnxgraph.Build("nms", func(g *onnxgraph.Graph) {
				g.Output("kept", op.NonMaxSuppression(g.Input("boxes", onnxgraph.Float32, 1, n, 4),
					g.Input("scores", onnxgraph.Float32, 1, len(rows)/n, n), n, threshold, -1e30))
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) {
				runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
					var kept []int64
					for row := range slices.Chunk(onnxgraph.Data[int64](got["kept"]), 3) {
						kept = append(kept, row[2])
					}
					slices.SortStableFunc(kept, func(a, b int64) int { return cmp.Compare(scores[b], scores[a]) })
					same(t, "what stays", row(kept...), onnxgraph.NewTensor([]int{len(kept)}, wide(recorded[name])))
				})
			})
		}
	}
}

// wide are int32 as int64.
func wide(t *onnxgraph.Tensor) []int64 {
	var out []int64
	for _, v := range onnxgraph.Data[int32](t) {
		out = append(out, int64(v))
	}
	return out
}
