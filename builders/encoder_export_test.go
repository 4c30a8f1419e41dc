package builders

import (
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// TestEncoderDimensionNames: what may vary has a name, the same one where it is
// the same number.
func TestEncoderDimensionNames(t *testing.T) {
	c := Config{ImageSize: 8, PatchSize: 4, Dim: 6, Depth: 1, Heads: 2, MLPRatio: 1}
	weights := map[string]*onnxgraph.Tensor{}
	if _, err := onnxgraph.Build("parameters", func(g *onnxgraph.Graph) {
		NewViT(NewParams(func(p *Param) *onnxgraph.Value {
			weights[p.Name] = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			return g.NamedConst(p.Name, weights[p.Name])
		}).Root(BaseEncoder), c)
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
