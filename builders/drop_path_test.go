package builders

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pmx/internal/numtest"
	"pmx/onnxgraph"
)

// dropImages is the batch of these tests; the mask has a row more before them.
const dropImages = 3

var dropConfig = ViTConfig{ImageSize: 4, PatchSize: 2, Dim: 6, Depth: 2, Heads: 2, MLPRatio: 2}

// dropWeights draws weights of dropConfig that are large enough for each branch to
// matter, and have bits to spare, so that a scaled one is exact.
func dropWeights(t *testing.T) map[string]*onnxgraph.Tensor {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	weights := map[string]*onnxgraph.Tensor{}
	if _, err := onnxgraph.Build("weights", func(g *onnxgraph.Graph) {
		NewViT(NewParams(func(p *Param) *onnxgraph.Value {
			weights[p.Name] = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			for i := range onnxgraph.Data[float32](weights[p.Name]) {
				onnxgraph.Data[float32](weights[p.Name])[i] = float32(math.Round(512*rng.NormFloat64()) / 1024)
			}
			return g.NamedConst(p.Name, weights[p.Name])
		}).Root(""), dropConfig)
	}); err != nil {
		t.Fatal(err)
	}
	return weights
}

// dropTokens is what the ViT makes of the same images, all tokens, or with class
// the class tokens alone, by image; mask [depth 2 1+images], nil for none.
func dropTokens(t *testing.T, c ViTConfig, weights map[string]*onnxgraph.Tensor, mask []float32, class bool) [][]float64 {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 8))
	pixels := make([]float32, dropImages*3*c.ImageSize*c.ImageSize)
	for i := range pixels {
		pixels[i] = float32(rng.NormFloat64())
	}
	feeds := map[string]*onnxgraph.Tensor{"x": onnxgraph.NewTensor([]int{dropImages, 3, c.ImageSize, c.ImageSize}, pixels)}
	g, err := onnxgraph.Build("drop_path", func(g *onnxgraph.Graph) {
		vit := NewViT(NewParams(func(p *Param) *onnxgraph.Value { return g.NamedConst(p.Name, weights[p.Name]) }).Root(""), c)
		x := g.Input("x", onnxgraph.Float32, dropImages, 3, c.ImageSize, c.ImageSize)
		drop := DropPath{}
		if mask != nil {
			shape := []int{c.Depth, 2, 1 + dropImages}
			drop = DropPath{mask: g.Input("mask", onnxgraph.Float32, shape...), first: 1}
			feeds["mask"] = onnxgraph.NewTensor(shape, mask)
		}
		if class {
			g.Output("y", vit.ForwardClass(x, drop))
		} else {
			g.Output("y", vit.Forward(x, drop))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.NewEvaluator(g).Run(feeds)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(out["y"].Float64s(), out["y"].Size()/dropImages))
}

// dropMask is all ones but in one place, of all images or of one.
func dropMask(block, branch, image int, value float32) []float32 {
	mask := make([]float32, dropConfig.Depth*2*(1+dropImages))
	for i := range mask {
		mask[i] = 1
		row := i % (1 + dropImages)
		if i/(1+dropImages) == 2*block+branch && (image < 0 || row == 1+image) {
			mask[i] = value
		}
	}
	return mask
}

// scaled are the weights with the last layer of a branch times a number, which
// multiplies what the branch adds.
func scaled(weights map[string]*onnxgraph.Tensor, layer string, by float32) map[string]*onnxgraph.Tensor {
	out := maps.Clone(weights)
	for name, w := range weights {
		if strings.Contains(name, layer) {
			out[name] = w.Clone()
			for i := range onnxgraph.Data[float32](out[name]) {
				onnxgraph.Data[float32](out[name])[i] *= by
			}
		}
	}
	return out
}

func sameTokens(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if err := numtest.Compare(got, want, numtest.Tolerance("double", numtest.Summed)); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestDropPathOfAnImage scales one branch of one image: that image has what it has
// with the branch's last layer scaled, the others are as before.
func TestDropPathOfAnImage(t *testing.T) {
	weights := dropWeights(t)
	for _, class := range []bool{false, true} {
		plain := dropTokens(t, dropConfig, weights, nil, class)
		for i, layer := range []string{"blocks.0.attn.proj", "blocks.0.mlp.fc2", "blocks.1.attn.proj", "blocks.1.mlp.fc2"} {
			for _, by := range []float32{0, 1, 1.25} { // 1.25 keeps 4 of 5
				branch := dropTokens(t, dropConfig, scaled(weights, layer, by), nil, class)
				for image := range dropImages {
					got := dropTokens(t, dropConfig, weights, dropMask(i/2, i%2, image, by), class)
					for k := range got {
						want := plain[k]
						if k == image {
							want = branch[k]
						}
						sameTokens(t, layer, got[k], want)
					}
				}
				if by != 1 && slices.Equal(branch[0], plain[0]) {
					t.Errorf("%s does not matter: the test sees nothing", layer)
				}
			}
		}
	}
}

// TestDropPathOfEverything leaves the residual stream: the tokens of a ViT without
// blocks.
func TestDropPathOfEverything(t *testing.T) {
	weights := dropWeights(t)
	none := dropConfig
	none.Depth = 0
	want := dropTokens(t, none, weights, nil, false)
	got := dropTokens(t, dropConfig, weights, make([]float32, dropConfig.Depth*2*(1+dropImages)), false)
	for i := range got {
		sameTokens(t, "an image", got[i], want[i])
	}
}
