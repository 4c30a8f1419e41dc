package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Feature says what of a ViT's tokens a linear probe takes, in DINOv2's terms (arXiv
// 2304.07193): the class tokens of the last Blocks blocks, each through the final
// norm, the oldest first, and with Mean the mean of the last block's patch tokens
// after the final norm behind them.
type Feature struct {
	Blocks int  `json:"blocks"`
	Mean   bool `json:"mean"`
}

// Width is the number of values of the feature, for tokens of dim values.
func (f Feature) Width(dim int) int {
	if f.Mean {
		return (f.Blocks + 1) * dim
	}
	return f.Blocks * dim
}

// FeatureTokens are the tokens that features are made of, each [B dim].
type FeatureTokens struct {
	Classes []*onnxgraph.Value // of the last blocks, the oldest first
	Mean    *onnxgraph.Value   // nil where no feature needs it
}

// Of puts a feature together, [B f.Width(dim)].
func (t FeatureTokens) Of(f Feature) *onnxgraph.Value {
	parts := append([]*onnxgraph.Value(nil), t.Classes[len(t.Classes)-f.Blocks:]...)
	if f.Mean {
		parts = append(parts, t.Mean)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return op.Concat(1, parts...)
}

// ForwardFeatures computes the tokens of images x [B 3 H W] that a feature is made
// of, without dropping. Features of fewer blocks, and without Mean, are parts of it.
func (v *ViT) ForwardFeatures(x *onnxgraph.Value, f Feature) FeatureTokens {
	var t FeatureTokens
	r, tokens := v.embedTokens(x)
	last := len(v.blocks) - 1
	for i, b := range v.blocks {
		if i == last && !f.Mean { // nothing but the class token is needed from here on
			r = b.ForwardClass(r, tokens, i, DropPath{})
			t.Classes = append(t.Classes, v.norm.ForwardCentred(r.Sum()))
			return t
		}
		if r = b.Forward(r, tokens, i, DropPath{}); i > last-f.Blocks {
			t.Classes = append(t.Classes, v.norm.ForwardCentred(r.firstTokens(tokens).Sum()))
		}
	}
	_, y := v.norm.ForwardResidual(r)
	t.Mean = patchMean(y, tokens)
	return t
}

// firstTokens are those of each image.
func (r Residual) firstTokens(tokens int) Residual {
	first := Residual{stream: firstTokens(r.stream, tokens)}
	if r.branch != nil {
		first.branch = firstTokens(r.branch, tokens)
	}
	return first
}

// patchMean is the mean of each image's patch tokens, those behind the class token, of
// x [B·tokens dim]: [B dim].
func patchMean(x *onnxgraph.Value, tokens int) *onnxgraph.Value {
	patches := op.Slice(op.Reshape(x, -1, tokens, x.Shape[1]), 1, 1, op.ToEnd)
	return op.ReduceMean(patches, false, 1)
}

// ForwardTaps gives the patch tokens of images x [B 3 H W] after the blocks of the given
// indices, counted from 0 and rising, each [B·H/p·W/p dim], without the class token.
// With norm each goes through the final norm.
func (v *ViT) ForwardTaps(x *onnxgraph.Value, blocks []int, norm bool, drop DropPath) []*onnxgraph.Value {
	var out []*onnxgraph.Value
	r, tokens := v.embedTokens(x)
	for i, b := range v.blocks[:blocks[len(blocks)-1]+1] {
		if r = b.Forward(r, tokens, i, drop); i != blocks[len(out)] {
			continue
		}
		y := r.Sum()
		if norm {
			y = v.norm.ForwardCentred(y)
		}
		patches := op.Slice(op.Reshape(y, -1, tokens, v.config.Dim), 1, 1, op.ToEnd)
		out = append(out, op.Reshape(patches, -1, v.config.Dim))
	}
	return out
}
