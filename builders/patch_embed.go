package builders

import (
	"fmt"

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
	return &PatchEmbed{s.Param("weight", xavier(1), dim, 3, patch, patch), s.Param("bias", Zeros, dim), patch}
}

// Forward cuts x [B 3 H W] into patches, row by row, and maps them to tokens
// [B (H/p)(W/p) dim]: the convolution written as one matrix product, since patches
// do not overlap. B may be Dynamic.
func (e *PatchEmbed) Forward(x *onnxgraph.Value) *onnxgraph.Value {
	dim, p := e.weight.Shape[0], e.patch
	h, w := x.Shape[2]/p, x.Shape[3]/p
	patches := op.Transpose(op.Reshape(x, -1, 3, h, p, w, p), 0, 2, 4, 1, 3, 5)
	rows := op.Reshape(patches, -1, 3*p*p)
	tokens := op.Linear(rows, op.Reshape(e.weight.Value, dim, 3*p*p), e.bias.Value)
	return op.Reshape(tokens, -1, h*w, dim)
}

// ForwardAnySize does the same for images of any height and width that are
// multiples of the patch, as a convolution: [B dim H/p W/p].
func (e *PatchEmbed) ForwardAnySize(x *onnxgraph.Value) *onnxgraph.Value {
	return op.Conv(x, e.weight.Value, e.bias.Value, op.ConvAttrs{Strides: []int{e.patch, e.patch}})
}

// Grid is the number of patches of x [B 3 H W] along each axis, int64 [2], computed
// in the graph. A convolution leaves out the rest of a height or width that is no
// multiple of the patch; here such an image fails, as the rest is looked up in a
// list of one element, 0.
func (e *PatchEmbed) Grid(x *onnxgraph.Value) *onnxgraph.Value {
	g := x.Graph()
	defer g.Scope(fmt.Sprintf("height_and_width_are_multiples_of_%d", e.patch))()
	size, patch := sizesOf(x, 2, 4), op.Ints(x, e.patch)
	grid := op.Div(size, patch)
	return op.Add(grid, op.Gather(op.Ints(x, 0), op.Sub(size, op.Mul(grid, patch)), 0))
}
