package export

import (
	"context"
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
)

// trainingGraph is the encoder as the training step has it, for one image of a size,
// and its parameters.
func (e *Encoder) trainingGraph(size imageSize) (*onnxgraph.Graph, []*builders.Param, error) {
	var list []*builders.Param
	var missing error
	g, err := onnxgraph.Build("training_encoder", func(g *onnxgraph.Graph) {
		params := builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
			t := e.Tensors[p.Name]
			if t == nil || !t.Shape().Equal(p.Shape) || t.DType() != onnxgraph.Float32 {
				missing = fmt.Errorf("%s: want %s as float%v, it holds %v", e.Path, p.Name, p.Shape, t)
				t = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			}
			return g.NamedConst(p.Name, t)
		})
		vit := builders.NewViT(params.Root(""), e.Config)
		x := g.Input(builders.EncoderInput, onnxgraph.Float32, 1, 3, size.height, size.width)
		g.Output(builders.EncoderTokens, vit.Forward(x, builders.DropPath{}))
		list = params.List()
	})
	if err == nil {
		err = missing
	}
	return g, list, err
}

// trainingFeatures are the tokens [1 1+T dim] that the training graph makes of
// randomImage, in float64. It can be stopped between operators.
func (e *Encoder) trainingFeatures(ctx context.Context, size imageSize) (*onnxgraph.Tensor, error) {
	g, _, err := e.trainingGraph(size)
	if err != nil {
		return nil, err
	}
	out, err := onnxgraph.NewEvaluator(g).RunContext(ctx, map[string]*onnxgraph.Tensor{builders.EncoderInput: normalized(randomImage(size))})
	return out[builders.EncoderTokens], err
}
