package op_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// BenchmarkRoiAlign times the pooling of boxes (7 by 7) and of masks (14 by 14) from the
// finest map of an image of 224 and of 512 px, and its gradient by the body and by our
// kernel.
func BenchmarkRoiAlign(b *testing.B) {
	for _, c := range []struct{ side, regions, bins int }{{56, 512, 7}, {56, 128, 14}, {128, 512, 7}} {
		rng := rand.New(rand.NewPCG(1, 2))
		var boxes []float32
		for range c.regions {
			width, height := 4+24*rng.Float32(), 4+24*rng.Float32()
			x, y := rng.Float32()*(float32(c.side)-width), rng.Float32()*(float32(c.side)-height)
			boxes = append(boxes, x, y, x+width, y+height)
		}
		maps := onnxgraph.Shape{1, 256, c.side, c.side}
		name := fmt.Sprintf("%d regions %dx%d of %dx%d", c.regions, c.bins, c.bins, c.side, c.side)
		b.Run(name+" forward", func(b *testing.B) {
			benchmarkOnORT(b, "", func(g *onnxgraph.Graph) *onnxgraph.Value {
				rois := g.Const(onnxgraph.NewTensor([]int{c.regions, 4}, boxes))
				images := g.Const(onnxgraph.Zeros(onnxgraph.Int64, []int{c.regions}))
				return op.RoiAlign(g.Input("x", onnxgraph.Float32, maps...), rois, images, op.RoiAlignAttrs{Height: c.bins, Width: c.bins})
			})
		})
		for label, kernels := range map[string]string{"kernel": "", "body": "off"} {
			b.Run(name+" gradient by "+label, func(b *testing.B) {
				benchmarkOnORT(b, kernels, func(g *onnxgraph.Graph) *onnxgraph.Value {
					dy := g.Input("dy", onnxgraph.Float32, 1, c.regions, maps[1], c.bins, c.bins)
					at := g.Const(onnxgraph.NewTensor([]int{1, c.regions, 4}, boxes))
					return onnxgraph.Apply("pmx.RoiAlignGrad", nil, dy, at, op.Ints(dy, maps...))
				})
			})
		}
	}
}
