package builders_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
	"pmx/runtimes/runtimetest"
)

// TestViTDetRecorded compares the map of two images with detectron2's: windows that do
// not divide the grid, two global blocks, relative positions, positions of a smaller
// image.
func TestViTDetRecorded(t *testing.T) {
	recorded := runtimetest.Recorded(t, "detection/vitdet.safetensors")
	config := builders.ViTDetConfig{
		ViTConfig: builders.ViTConfig{ImageSize: 128, PatchSize: 16, Dim: 32, Depth: 4, Heads: 2, MLPRatio: 4},
		Window:    3, GlobalBlocks: []int{1, 3}, PretrainSize: 64,
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	images := recordedImages(t, recorded, 2, config.ImageSize)
	g, err := onnxgraph.Build("vitdet", func(g *onnxgraph.Graph) {
		params := builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
			w := recorded["param/"+p.Name]
			if w == nil || !w.Shape().Equal(p.Shape) {
				t.Fatalf("%s %v is recorded as %v", p.Name, p.Shape, w)
			}
			return g.NamedConst(p.Name, w)
		})
		v := builders.NewViTDet(params.Root("backbone.net"), config)
		for name := range recorded {
			if of, ok := strings.CutPrefix(name, "param/"); ok && strings.HasPrefix(of, "backbone.net.") &&
				!slices.ContainsFunc(params.List(), func(p *builders.Param) bool { return p.Name == of }) {
				t.Errorf("no parameter %s", of)
			}
		}
		g.Output("map", v.Forward(g.Input("image", onnxgraph.Float32, images.Shape()...), builders.DropPath{}))
	})
	if err != nil {
		t.Fatal(err)
	}
	feeds := map[string]*onnxgraph.Tensor{"image": images}
	runtimetest.Everywhere(t, g, feeds, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
		if err := numtest.Compare(got["map"].Float64s(), recorded["act/blocks.3"].Float64s(), numtest.Tolerance("float", numtest.Summed)); err != nil {
			t.Error(err)
		}
	})
}

// recordedImages are the recorded pictures as the network sees them: normalised with the
// ImageNet mean and standard deviation, in the upper left corner of squares of zeros.
func recordedImages(t *testing.T, recorded map[string]*onnxgraph.Tensor, count, side int) *onnxgraph.Tensor {
	t.Helper()
	mean, deviation := [3]float32{123.675, 116.28, 103.53}, [3]float32{58.395, 57.12, 57.375}
	out := make([]float32, count*3*side*side)
	for i := range count {
		image := recorded[fmt.Sprintf("image/%d", i)]
		if image == nil {
			t.Fatalf("image %d is not recorded", i)
		}
		height, width := image.Shape()[1], image.Shape()[2]
		for k, v := range onnxgraph.Data[uint8](image) {
			c, y, x := k/(height*width), k/width%height, k%width
			out[((i*3+c)*side+y)*side+x] = (float32(v) - mean[c]) / deviation[c]
		}
	}
	return onnxgraph.NewTensor([]int{count, 3, side, side}, out)
}

// TestResizePositionsRecorded compares positions of other grids with detectron2's.
func TestResizePositionsRecorded(t *testing.T) {
	recorded := runtimetest.Recorded(t, "detection/ops.safetensors")
	pos := recorded["abs_pos/pos"]
	for name, grid := range map[string][2]int{"7x5": {7, 5}, "8x8": {8, 8}} {
		g, err := onnxgraph.Build("positions", func(g *onnxgraph.Graph) {
			g.Output("y", builders.ResizePositions(g.Input("pos", onnxgraph.Float32, pos.Shape()...), 4, grid[0], grid[1]))
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			runtimetest.Everywhere(t, g, map[string]*onnxgraph.Tensor{"pos": pos}, func(t *testing.T, got map[string]*onnxgraph.Tensor) {
				if err := numtest.Compare(got["y"].Float64s(), recorded["abs_pos/"+name].Float64s(), numtest.Tolerance("float", numtest.Summed)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
