package builders

import (
	"math"
	"math/rand/v2"
	"testing"

	"pmx/onnxgraph"
)

// TestAnySizeAgreesWithTraining: a dynamic export gives images of each size the
// features of the training graph, whose positions are constant matrices: sizes of
// local crops, the trained one, a larger one, and some that are not square.
func TestAnySizeAgreesWithTraining(t *testing.T) {
	c := ViTConfig{ImageSize: 24, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 2}
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
			g.Output(EncoderTokens, NewViT(params.Root(""), c).Forward(x, DropPath{}))
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
		// The training graph's matrices are rounded to float32.
		if len(tokens[0]) != want || len(tokens[1]) != want || !(worst <= 1e-5) {
			t.Errorf("%d x %d pixels: %d and %d numbers, want %d; they differ by %.3g, want at most 1e-5", height, width, len(tokens[0]), len(tokens[1]), want, worst)
		}
	}
}

// TestResizePositionsOfLargeImages: 256² positions become 128² by two products with
// one matrix of 128 x 256, not by one of 16384 x 65536.
func TestResizePositionsOfLargeImages(t *testing.T) {
	const from, to = 256, 128
	g, err := onnxgraph.Build("positions", func(g *onnxgraph.Graph) {
		pos := g.Input("pos", onnxgraph.Float32, 1, 1+from*from, 2)
		g.Output("resized", resizePositions(pos, from, to, to))
	})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	table := onnxgraph.Zeros(onnxgraph.Float32, []int{1, 1 + from*from, 2})
	learned := onnxgraph.Data[float32](table)
	for i := range learned {
		learned[i] = float32(rng.NormFloat64())
	}
	out, err := onnxgraph.NewEvaluator(g).Run(map[string]*onnxgraph.Tensor{"pos": table})
	if err != nil {
		t.Fatal(err)
	}
	got := out["resized"].Float64s()
	if len(got) != 2*(1+to*to) {
		t.Fatalf("%d numbers", len(got))
	}
	axis := positionMatrix(from, to, positionExcess)
	for _, at := range [][2]int{{0, 0}, {0, 127}, {127, 127}, {64, 3}, {5, 100}} {
		for d := range 2 {
			want := 0.0 // the sum over the whole grid, which separates
			for v := range from {
				for u := range from {
					want += axis[at[0]][v] * axis[at[1]][u] * float64(learned[2*(1+v*from+u)+d])
				}
			}
			// The matrix is rounded to float32.
			if got := got[2*(1+at[0]*to+at[1])+d]; !(math.Abs(got-want) <= 1e-6) {
				t.Errorf("position %v: %g, want %g", at, got, want)
			}
		}
	}
}
