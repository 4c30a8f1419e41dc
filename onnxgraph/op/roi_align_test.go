package op_test

import (
	"slices"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// testRegions are inside, at the border, beyond it, smaller than a position, empty,
// inverted, and all of the map, in turn, for maps of 6 by 5 positions and a scale of ½.
var testRegions = []float64{
	1, 2, 7, 9,
	-3, -2, 4, 5,
	30, 30, 40, 50,
	4, 4, 4.5, 4.25,
	3, 3, 3, 3,
	8, 8, 2, 3,
	0, 0, 10, 12,
	-10, -8, 20, 30,
}

func roiAlignCase(name string, a op.RoiAlignAttrs, batch ...int64) gradcheck.Case {
	regions := len(batch)
	return gradcheck.Case{Name: name, Shapes: [][]int{{2, 3, 6, 5}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			rois := constant(x, []int{regions, 4}, testRegions[:4*regions]...)
			return op.RoiAlign(x, rois, integers(x, []int{regions}, batch...), a)
		})}
}

var _ = gradcheck.Add("RoiAlign",
	roiAlignCase("four of each image", op.RoiAlignAttrs{Height: 2, Width: 3, SpatialScale: 0.5}, 0, 0, 0, 0, 1, 1, 1, 1),
	roiAlignCase("any images", op.RoiAlignAttrs{Height: 3, Width: 2, SpatialScale: 0.5}, 1, 0, 0, 1, 0, 1, 0),
	roiAlignCase("two samples", op.RoiAlignAttrs{Height: 2, Width: 2, SpatialScale: 0.5, SamplingRatio: 2}, 0, 0, 0, 0, 1, 1, 1, 1),
	roiAlignCase("output half pixel", op.RoiAlignAttrs{Height: 2, Width: 2, SpatialScale: 0.5, OutputHalfPixel: true}, 0, 0, 0, 0, 1, 1, 1, 1),
	roiAlignCase("at the map's scale", op.RoiAlignAttrs{Height: 1, Width: 2}, 0, 1),
)

// TestRoiAlignParts: cut into images, or into regions of an image, the gradient is
// the same.
func TestRoiAlignParts(t *testing.T) {
	const channels, side, regions = 1 << 12, 64, 300 // 14 MiB a region
	for _, batch := range [][]int64{
		make([]int64, regions), // 300 regions of one image
		slices.Concat(make([]int64, regions/2), slices.Repeat([]int64{1}, regions/2)),
	} {
		images := int(batch[regions-1]) + 1
		g, err := onnxgraph.Build("parts", func(g *onnxgraph.Graph) {
			x := g.Input("x", onnxgraph.Float32, images, channels, side, side)
			y := op.RoiAlign(x, g.Input("rois", onnxgraph.Float32, regions, 4), integers(x, []int{regions}, batch...), op.RoiAlignAttrs{Height: 14, Width: 14})
			g.Output("dx", y.Producer().Op.Grad.VJP()(y.Producer(), []*onnxgraph.Value{g.Input("dy", onnxgraph.Float32, y.Shape...)})[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		taken := 0
		for _, n := range g.Nodes() {
			if n.Op.Name != "RoiAlignGrad" {
				continue
			}
			part := n.Inputs[0].Shape[:2].Size()
			taken += part
			if bytes := 4 * part * channels * 14 * side; bytes > 1<<29 {
				t.Errorf("%d images: a part of %d regions needs %d bytes", images, part, bytes)
			}
		}
		if dx := g.Outputs()[0].Shape; taken != regions || !dx.Equal(onnxgraph.Shape{images, channels, side, side}) {
			t.Errorf("%d images: the parts have %d regions of %d, and dX is %v", images, taken, regions, dx)
		}
	}
}
