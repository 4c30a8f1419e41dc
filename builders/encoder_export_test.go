package builders

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// TestEncoderDimensionNames: what may vary has a name, the same one where it is
// the same number.
func TestEncoderDimensionNames(t *testing.T) {
	c := ViTConfig{ImageSize: 8, PatchSize: 4, Dim: 6, Depth: 1, Heads: 2, MLPRatio: 1}
	weights := map[string]*onnxgraph.Tensor{}
	if _, err := onnxgraph.Build("parameters", func(g *onnxgraph.Graph) {
		NewViT(NewParams(func(p *Param) *onnxgraph.Value {
			weights[p.Name] = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			return g.NamedConst(p.Name, weights[p.Name])
		}).Root(""), c)
	}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		options            EncoderOptions
		image, cls, tokens string
	}{
		{EncoderOptions{}, "float[batch,3,8,8]", "float[batch,6]", "float[batch,5,6]"},
		{EncoderOptions{Preprocessing: true}, "uint8[batch,8,8,3]", "float[batch,6]", "float[batch,5,6]"},
		{EncoderOptions{DynamicSize: true}, "float[batch,3,height,width]", "float[batch,6]", "float[batch,tokens,6]"},
		{EncoderOptions{DynamicSize: true, Preprocessing: true}, "uint8[batch,height,width,3]", "float[batch,6]", "float[batch,tokens,6]"},
	} {
		model, err := Encoder(c, weights, want.options)
		if err != nil {
			t.Fatal(err)
		}
		data, err := model.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		read, err := onnxgraph.ReadModel(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{want.image + " image", want.cls + " cls", want.tokens + " tokens"} {
			if !strings.Contains(read.String(), text) {
				t.Errorf("%+v: no %s in\n%s", want.options, text, read)
			}
		}
	}
}

// TestParameters counts what a ViT declares. ViT-S/16 has 22 million, as published.
func TestParameters(t *testing.T) {
	for _, c := range []ViTConfig{
		{ImageSize: 24, PatchSize: 4, Dim: 12, Depth: 2, Heads: 3, MLPRatio: 2},
		{ImageSize: 8, PatchSize: 8, Dim: 6, Depth: 1, Heads: 1, MLPRatio: 4},
	} {
		var want int64
		_, err := onnxgraph.Build("encoder", func(g *onnxgraph.Graph) {
			params := NewParams(func(p *Param) *onnxgraph.Value {
				n := int64(1)
				for _, d := range p.Shape {
					n *= int64(d)
				}
				want += n
				return g.NamedConst(p.Name, onnxgraph.Zeros(onnxgraph.Float32, p.Shape))
			})
			x := g.Input(EncoderInput, onnxgraph.Float32, 1, 3, c.ImageSize, c.ImageSize)
			g.Output(EncoderTokens, NewViT(params.Root(""), c).Forward(x, DropPath{}))
		})
		if got := Architecture(c).Parameters(); err != nil || got != want {
			t.Errorf("%+v: %d parameters, want %d; error %v", c, got, want, err)
		}
	}
	small := ViTConfig{ImageSize: 224, PatchSize: 16, Dim: 384, Depth: 12, Heads: 12, MLPRatio: 4}
	if got := Architecture(small).Parameters(); got != 21_665_664 { // timm's vit_small_patch16_224 without its classifier
		t.Errorf("ViT-S/16 has %d parameters", got)
	}
}
