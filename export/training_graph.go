package export

import (
	"context"
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
)

// trainingGraph is a model as the training step has it, for one image of a size, and
// its parameters. path is where the weights are from; forward makes the parameters and
// gives the outputs for x [1 3 H W].
func trainingGraph(path string, weights map[string]*onnxgraph.Tensor, size imageSize, forward func(s builders.Scope, x *onnxgraph.Value) map[string]*onnxgraph.Value) (*onnxgraph.Graph, []*builders.Param, error) {
	var list []*builders.Param
	var missing error
	g, err := onnxgraph.Build("training_graph", func(g *onnxgraph.Graph) {
		params := builders.NewParams(func(p *builders.Param) *onnxgraph.Value {
			t := weights[p.Name]
			if t == nil || !t.Shape().Equal(p.Shape) || t.DType() != onnxgraph.Float32 {
				missing = fmt.Errorf("%s: want %s as float%v, it holds %v", path, p.Name, p.Shape, t)
				t = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			}
			return g.NamedConst(p.Name, t)
		})
		x := g.Input(builders.EncoderInput, onnxgraph.Float32, 1, 3, size.height, size.width)
		for name, output := range forward(params.Root(""), x) {
			g.Output(name, output)
		}
		list = params.List()
	})
	if err == nil {
		err = missing
	}
	return g, list, err
}

// trainingGraph gives the tokens [1 1+T dim] before and after the final norm.
func (e *Encoder) trainingGraph(size imageSize) (*onnxgraph.Graph, []*builders.Param, error) {
	return trainingGraph(e.Path, e.Tensors, size, func(s builders.Scope, x *onnxgraph.Value) map[string]*onnxgraph.Value {
		before, after := builders.NewViT(s, e.Config).ForwardTokens(x, builders.DropPath{})
		return map[string]*onnxgraph.Value{builders.EncoderBefore: before, builders.EncoderTokens: after}
	})
}

// evaluate runs a training graph on randomImage, in float64. It can be stopped between
// operators.
func evaluate(ctx context.Context, g *onnxgraph.Graph, size imageSize, a builders.ArchitectureInfo) (map[string]*onnxgraph.Tensor, error) {
	return onnxgraph.NewEvaluator(g).RunContext(ctx, map[string]*onnxgraph.Tensor{builders.EncoderInput: normalized(randomImage(size), a)})
}

// outputs implements exported: the tokens, and the class token, which is the first.
func (e *Encoder) outputs(ctx context.Context, size imageSize) (map[string][]float64, error) {
	g, _, err := e.trainingGraph(size)
	if err != nil {
		return nil, err
	}
	out, err := evaluate(ctx, g, size, e.Architecture())
	if err != nil {
		return nil, err
	}
	tokens := out[builders.EncoderTokens].Float64s()
	return map[string][]float64{
		builders.EncoderClass: tokens[:e.Config.Dim], builders.EncoderTokens: tokens, builders.EncoderBefore: out[builders.EncoderBefore].Float64s(),
	}, nil
}
