package builders

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// EncoderOptions shape an exported encoder.
type EncoderOptions struct {
	// DynamicSize takes images of any height and width that are multiples of the
	// patch, and fails on others; positions are interpolated in the graph, as in
	// training for local crops.
	DynamicSize bool
	// Preprocessing takes raw pixels, uint8 [N H W 3], and normalises them in the
	// graph; without it the input is normalised float [N 3 H W].
	Preprocessing bool
	// Resize, unless 0, takes raw pixels of any size with Preprocessing: the shorter side
	// is scaled to Resize and the centre is cut out in the graph, as images are prepared
	// for evaluation. It does not go with DynamicSize.
	Resize int
	// Mean and Std, of pixels in [0, 1], are what Preprocessing normalises by; zero is
	// ImageMean and ImageStd.
	Mean, Std [3]float32
}

// EncoderProperty is the metadata property of an exported encoder that holds the
// architecture as JSON.
const EncoderProperty = "pmx.encoder"

// ImageMean and ImageStd normalise pixels in [0, 1], by channel (ImageNet's).
var (
	ImageMean = [3]float32{0.485, 0.456, 0.406}
	ImageStd  = [3]float32{0.229, 0.224, 0.225}
)

// Names of an exported encoder's input and outputs.
const (
	EncoderInput  = "image"
	EncoderClass  = "cls"            // float [N dim]
	EncoderTokens = "tokens"         // float [N 1+T dim], after the final norm, the class token first
	EncoderBefore = "tokens_prenorm" // the same before the final norm
)

// Encoder writes the trained backbone as a model for inference, of standard
// operators only. weights holds its parameters under timm's names (cls_token,
// blocks.0.attn.qkv.weight, ...).
func Encoder(c ViTConfig, weights map[string]*onnxgraph.Tensor, o EncoderOptions) (*onnxgraph.Model, error) {
	return InferenceModel("encoder", weights, EncoderProperty, Architecture(c), func(g *onnxgraph.Graph, s Scope) {
		vit := NewViT(s, c)
		x := encoderInput(g, c, o)
		var before, tokens *onnxgraph.Value
		if o.DynamicSize {
			before, tokens = vit.ForwardAnySize(x)
		} else {
			before, tokens = vit.ForwardTokens(x, DropPath{})
		}
		first := op.Gather(tokens, g.Const(onnxgraph.ScalarTensor(int64(0))), 1)
		g.Output(EncoderClass, first).NameDims("batch", "")
		g.Output(EncoderTokens, tokens).NameDims("batch", "tokens", "")
		g.Output(EncoderBefore, before).NameDims("batch", "tokens", "")
	})
}

// InferenceModel builds a model of standard operators whose parameters are constants
// from weights, with a description as a metadata property. Batch norms normalise by their
// running statistics.
func InferenceModel(name string, weights map[string]*onnxgraph.Tensor, property string, description any, build func(g *onnxgraph.Graph, s Scope)) (*onnxgraph.Model, error) {
	var missing error
	g, err := onnxgraph.Build(name, func(g *onnxgraph.Graph) {
		params := NewParams(func(p *Param) *onnxgraph.Value {
			w := weights[p.Name]
			if w == nil || !w.Shape().Equal(p.Shape) || w.DType() != onnxgraph.Float32 {
				if missing == nil {
					missing = fmt.Errorf("builders: %s: weights hold no %s of float%v", name, p.Name, p.Shape)
				}
				w = onnxgraph.Zeros(onnxgraph.Float32, p.Shape)
			}
			return g.NamedConst(p.Name, w)
		})
		params.statistics = &runningStatistics{params: params, inference: true}
		build(g, params.Root(""))
	})
	if err == nil {
		err = missing
	}
	if err != nil {
		return nil, err
	}
	if g, err = g.Inline(nil); err != nil {
		return nil, err
	}
	if g, err = g.Optimize(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(description)
	if err != nil {
		return nil, err
	}
	return &onnxgraph.Model{Graph: g, Metadata: map[string]string{property: string(text)}}, nil
}

// Under gives the tensors whose names begin with a root and a dot, under what follows.
func Under(root string, tensors map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	out := map[string]*onnxgraph.Tensor{}
	for name, t := range tensors {
		if rest, ok := strings.CutPrefix(name, root+"."); ok {
			out[rest] = t
		}
	}
	return out
}

// encoderInput declares the input and gives normalised images [N 3 H W].
func encoderInput(g *onnxgraph.Graph, c ViTConfig, o EncoderOptions) *onnxgraph.Value {
	h, w := c.ImageSize, c.ImageSize
	hName, wName := "", ""
	if o.DynamicSize || o.Resize > 0 {
		h, w, hName, wName = onnxgraph.Dynamic, onnxgraph.Dynamic, "height", "width"
	}
	if !o.Preprocessing {
		return g.Input(EncoderInput, onnxgraph.Float32, onnxgraph.Dynamic, 3, h, w).NameDims("batch", "", hName, wName)
	}
	raw := g.Input(EncoderInput, onnxgraph.Uint8, onnxgraph.Dynamic, h, w, 3).NameDims("batch", hName, wName, "")
	mean, std := o.Mean, o.Std
	if std == ([3]float32{}) {
		mean, std = ImageMean, ImageStd
	}
	scale, shift := make([]float32, 3), make([]float32, 3)
	for i := range scale { // (v/255 - mean)/std = v·scale + shift
		scale[i], shift[i] = 1/(255*std[i]), -mean[i]/std[i]
	}
	if o.Resize > 0 {
		pixels := resizeAndCrop(raw, o.Resize, c.ImageSize) // [N 3 side side]
		return op.Add(op.Mul(pixels, g.Const(onnxgraph.NewTensor([]int{3, 1, 1}, scale))), g.Const(onnxgraph.NewTensor([]int{3, 1, 1}, shift)))
	}
	pixels := op.Cast(raw, onnxgraph.Float32)
	scaled := op.Add(op.Mul(pixels, g.Const(onnxgraph.NewTensor([]int{3}, scale))), g.Const(onnxgraph.NewTensor([]int{3}, shift)))
	return op.Transpose(scaled, 0, 3, 1, 2)
}

// ArchitectureInfo describes a backbone in the words of timm.
type ArchitectureInfo struct {
	Architecture string     `json:"architecture"`
	ImageSize    int        `json:"image_size"`
	PatchSize    int        `json:"patch_size"`
	Dim          int        `json:"embed_dim"`
	Depth        int        `json:"depth"`
	Heads        int        `json:"num_heads"`
	MLPRatio     int        `json:"mlp_ratio"`
	Epsilon      float64    `json:"layer_norm_eps"`
	Mean         [3]float32 `json:"mean"`
	Std          [3]float32 `json:"std"`
}

// Architecture is what a reader of the encoder's weights must know beside them.
func Architecture(c ViTConfig) ArchitectureInfo {
	return ArchitectureInfo{"vision_transformer", c.ImageSize, c.PatchSize, c.Dim, c.Depth, c.Heads, c.MLPRatio, cmp.Or(c.Epsilon, layerNormEpsilon), ImageMean, ImageStd}
}

// Parameters is how many numbers the backbone learns.
func (a ArchitectureInfo) Parameters() int64 {
	dim, side := int64(a.Dim), int64(a.ImageSize/a.PatchSize)
	patch := int64(a.PatchSize * a.PatchSize)
	hidden := int64(a.MLPRatio) * dim
	linear := func(from, to int64) int64 { return from*to + to }
	norm := 2 * dim
	block := 2*norm + linear(dim, 3*dim) + linear(dim, dim) + linear(dim, hidden) + linear(hidden, dim)
	return linear(3*patch, dim) + dim + (1+side*side)*dim + int64(a.Depth)*block + norm
}
