package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// PatchEmbed maps each square patch of an image to a token: a convolution whose
// kernel and stride are the patch.
type PatchEmbed struct {
	weight, bias *Param // proj.weight [dim 3 p p], proj.bias [dim]
	patch        int
}

// NewPatchEmbed draws weight by Xavier with the fans of the patch as a vector.
func NewPatchEmbed(s Scope, patch, dim int) *PatchEmbed {
	s = s.Sub("proj")
	return &PatchEmbed{s.Param("weight", xavier(1), dim, 3, patch, patch), s.Param("bias", zeros, dim), patch}
}

// Forward cuts x [B 3 S S] into patches, row by row, and maps them to tokens
// [B (S/p)² dim]: the convolution written as one matrix product, since patches
// do not overlap. B may be Dynamic.
func (e *PatchEmbed) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	dim, side, p := e.weight.Shape[0], x.Shape[2], e.patch
	grid := side / p
	patches := op.Transpose(op.Reshape(x, -1, 3, grid, p, grid, p), 0, 2, 4, 1, 3, 5)
	rows := op.Reshape(patches, -1, 3*p*p)
	tokens := op.Linear(rows, op.Reshape(e.weight.Value, dim, 3*p*p), e.bias.Value)
	return op.Reshape(tokens, -1, grid*grid, dim)
}

// ForwardAnySize does the same for images of any height and width that are
// multiples of the patch, as a convolution: [B dim H/p W/p].
func (e *PatchEmbed) ForwardAnySize(x *onnxgraph.Value) *onnxgraph.Value {
	return op.Conv(x, e.weight.Value, e.bias.Value, op.ConvAttrs{Strides: []int{e.patch, e.patch}})
}
