package builders

import (
	"math"
	"math/rand/v2"
	"testing"

	"pmx/onnxgraph"
)

// TestAnySizeAgreesWithTraining: a dynamic export gives images of each size the
// features of the training graph, whose positions are a constant matrix: sizes
// of local crops, the trained one, a larger one, and some that are not square.
func TestAnySizeAgreesWithTraining(t *testing.T) {
	c := Config{ImageSize: 24, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 2}
	rng := rand.New(rand.NewPCG(1, 2))
	weights := map[string]*onnxgraph.Tensor{}
	// param makes weights on first sight, large enough for positions to matter.
	param := func(p *Param) *onnxgraph.Tensor {
		if weights[p.Name] == nil {
			w := onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			for i := range onnxgraph.Data[float32](w) {
				onnxgraph.Data[float32](w)[i] = float32(rng.NormFloat64() / 3)
			}
			weights[p.Name] = w
		}
		return weights[p.Name]
	}
	for _, size := range [][2]int{{4, 4}, {12, 12}, {16, 16}, {24, 24}, {36, 36}, {24, 32}, {16, 24}, {8, 28}, {40, 4}} {
		height, width := size[0], size[1]
		training, err := onnxgraph.Build("training", func(g *onnxgraph.Graph) {
			params := NewParams(func(p *Param) *onnxgraph.Value { return g.NamedConst(p.Name, param(p)) })
			x := g.Input(EncoderInput, onnxgraph.Float32, 2, 3, height, width)
			g.Output(EncoderTokens, NewViT(params.Root(BaseEncoder), c).Forward(x, DropPath{}))
		})
		if err != nil {
			t.Fatal(err)
		}
		exported, err := Encoder(c, weights, EncoderOptions{DynamicSize: true})
		if err != nil {
			t.Fatal(err)
		}
		pixels := make([]float32, 2*3*height*width)
		for i := range pixels {
			pixels[i] = float32(rng.NormFloat64())
		}
		feeds := map[string]*onnxgraph.Tensor{EncoderInput: onnxgraph.NewTensor([]int{2, 3, height, width}, pixels)}
		var tokens [2][]float64
		for i, g := range []*onnxgraph.Graph{training, exported.Graph} {
			out, err := onnxgraph.NewEvaluator(g).Run(feeds)
			if err != nil {
				t.Fatal(err)
			}
			tokens[i] = out[EncoderTokens].Float64s()
		}
		worst, want := 0.0, 2*(1+height/4*(width/4))*c.Dim
		for i := range tokens[0] {
			worst = math.Max(worst, math.Abs(tokens[0][i]-tokens[1][i]))
		}
		// The training graph's matrix is rounded to float32.
		if len(tokens[0]) != want || len(tokens[1]) != want || !(worst <= 1e-5) {
			t.Errorf("%d x %d pixels: %d and %d numbers, want %d; they differ by %.3g, want at most 1e-5", height, width, len(tokens[0]), len(tokens[1]), want, worst)
		}
	}
}
