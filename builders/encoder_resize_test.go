package builders_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
)

// TestResizeAndCrop: the graph gives the bytes of the transform that images are evaluated
// with, which are Pillow's, of images of all proportions, larger and smaller than it.
func TestResizeAndCrop(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct{ short, side int }{{18, 16}, {16, 16}, {9, 6}, {19, 16}} {
		g, err := onnxgraph.Build("resize", func(g *onnxgraph.Graph) {
			raw := g.Input("raw", onnxgraph.Uint8, onnxgraph.Dynamic, onnxgraph.Dynamic, onnxgraph.Dynamic, 3)
			g.Output("pixels", builders.ResizeAndCrop(raw, c.short, c.side))
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range [][2]int{{16, 16}, {18, 18}, {40, 30}, {30, 40}, {31, 77}, {5, 3}, {1, 1}, {100, 19}, {18, 19}, {19, 18}, {64, 17}} {
			t.Run(fmt.Sprint(c, size), func(t *testing.T) {
				var img images.Image
				img.Reset(size[0], size[1])
				for i := range img.Pix {
					img.Pix[i] = uint8(255 * (rng.Uint32() >> 31)) // hard edges overshoot
					if rng.Uint32()%3 == 0 {
						img.Pix[i] = uint8(rng.Uint32())
					}
				}
				out, err := onnxgraph.NewEvaluator(g).Run(map[string]*onnxgraph.Tensor{
					"raw": onnxgraph.NewTensor([]int{1, size[1], size[0], 3}, append([]uint8{}, img.Pix...)),
				})
				if err != nil {
					t.Fatal(err)
				}
				var work images.Workspace
				want := images.EvalTransform{Size: c.side, Resize: c.short}.Apply(&img, nil, &work)
				got, n := out["pixels"].Float64s(), c.side*c.side
				if len(got) != 3*n {
					t.Fatalf("shape %v", out["pixels"])
				}
				wrong := 0
				for i, v := range want.Pix {
					if got[i%3*n+i/3] != float64(v) {
						wrong++
					}
				}
				if wrong > 0 {
					t.Errorf("%d of %d bytes are not those of the transform", wrong, 3*n)
				}
			})
		}
	}
}
