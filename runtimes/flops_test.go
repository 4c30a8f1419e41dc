package runtimes_test

import (
	"testing"

	"pmx/tasks"

	"pmx/builders"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/runtimes"
)

func flops(t *testing.T, f func(g *onnxgraph.Graph)) (int64, error) {
	t.Helper()
	g, err := onnxgraph.Build("flops", f)
	if err != nil {
		t.Fatal(err)
	}
	return runtimes.FLOPs(g)
}

func TestFLOPs(t *testing.T) {
	for name, c := range map[string]struct {
		want  int64
		build func(x func(shape ...int) *onnxgraph.Value)
	}{
		"Gemm":       {2 * 2 * 3 * 5, func(x func(shape ...int) *onnxgraph.Value) { op.Gemm(x(2, 5), x(5, 3), nil, false, false) }},
		"transposed": {2 * 2 * 3 * 5, func(x func(shape ...int) *onnxgraph.Value) { op.Gemm(x(5, 2), x(3, 5), x(3), true, true) }},
		"MatMul":     {2 * 7 * 2 * 3 * 5, func(x func(shape ...int) *onnxgraph.Value) { op.MatMul(x(7, 2, 5), x(5, 3)) }},
		"no product": {0, func(x func(shape ...int) *onnxgraph.Value) { op.Add(x(7, 2, 5), x(5)) }},
		"Conv": {2 * 2 * 4 * 3 * 3 * (5 * 2 * 2), func(x func(shape ...int) *onnxgraph.Value) {
			op.Conv(x(2, 5, 4, 4), x(4, 5, 2, 2), nil, op.ConvAttrs{})
		}},
		"Linear":         {2 * 2 * 5 * 3, func(x func(shape ...int) *onnxgraph.Value) { op.Linear(x(2, 5), x(3, 5), x(3)) }},
		"LinearGelu":     {2 * 2 * 5 * 3, func(x func(shape ...int) *onnxgraph.Value) { op.LinearGelu(x(2, 5), x(3, 5), x(3)) }},
		"Attention":      {2 * 2 * 3 * 2 * 7 * 7 * 4, func(x func(shape ...int) *onnxgraph.Value) { op.Attention(x(3, 7, 3*2*4), 2) }},
		"ClassAttention": {2 * 2 * 3 * 2 * 1 * 7 * 4, func(x func(shape ...int) *onnxgraph.Value) { op.ClassAttention(x(3, 7, 3*2*4), 2) }},
	} {
		got, err := flops(t, func(g *onnxgraph.Graph) {
			i := 0
			c.build(func(shape ...int) *onnxgraph.Value {
				i++
				return g.Input(string(rune('a'+i)), onnxgraph.Float32, shape...)
			})
		})
		if err != nil || got != c.want {
			t.Errorf("%s: %d (%v), want %d", name, got, err, c.want)
		}
	}
	_, err := flops(t, func(g *onnxgraph.Graph) {
		op.MatMul(g.Input("x", onnxgraph.Float32, onnxgraph.Dynamic, 3), g.Input("w", onnxgraph.Float32, 3, 2))
	})
	errtest.OneLine(t, err, "has no fixed size")
}

// TestFLOPsOfStep counts a step without momentum encoder by hand: the encoder's pass
// over a view with its gradient is three times the pass, of which there are two, and
// the two passes for keys have no gradient.
func TestFLOPsOfStep(t *testing.T) {
	c := tasks.Contrastive{
		Method: "patchmix", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 2},
			ProjLayers: 2, PredLayers: 2, Hidden: 10, OutDim: 6, Batch: 4, MixNum: builders.IntSet{2},
		}}
	built, err := tasks.BuildStep(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := runtimes.FLOPs(built.Model.Graph)
	if err != nil {
		t.Fatal(err)
	}
	const images, patches, tokens, dim, mlp = 4, 4, 5, 12, 24
	patch := 2 * images * patches * dim * (3 * 4 * 4)
	whole := 2*images*tokens*(dim*3*dim+dim*dim+2*dim*mlp) + 2*2*images*tokens*tokens*dim
	// Of the last block only the class token is wanted, of all tokens' keys and values.
	last := 2*images*(tokens*dim*3*dim+dim*dim+2*dim*mlp) + 2*2*images*tokens*dim
	projector := 2 * images * (dim*10 + 10*6)
	predictor := 2 * images * (6*10 + 10*6)
	contrast := 2 * images * images * 6
	pass := patch + whole + last + projector
	// Backward doubles: by input and by weight; not by the images. The losses' keys have no gradient.
	want := 2*(3*(pass+predictor)-patch) + 2*pass + 3*2*contrast
	// Attention's gradient makes the weights again instead of keeping them.
	want += 2 * (2*images*tokens*tokens*dim + 2*images*tokens*dim)
	if got != int64(want) {
		t.Errorf("%d floating-point operations, want %d", got, want)
	}
}
