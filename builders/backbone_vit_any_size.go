package builders

import (
	"pmx/internal/bicubic"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// ForwardAnySize encodes images x [B 3 H W] whose height and width may be
// Dynamic and need only be multiples of the patch; others fail. It returns the
// tokens before and after the final norm, [B 1+(H/p)(W/p) dim]. The learned positions are
// resized to the grid in the graph, so that images of any size have the positions
// that Forward gives them: bicubic, by the factor (n+positionExcess)/m.
func (v *ViT) ForwardAnySize(x *onnxgraph.Value) (before, after *onnxgraph.Value) {
	grid, dim := v.config.ImageSize/v.config.PatchSize, v.config.Dim
	patches := v.embed.ForwardAnySize(x) // [B dim h w]

	parts := op.Split(v.pos.Value, 1, 1, grid*grid)
	learned := op.Transpose(op.Reshape(parts[1], 1, grid, grid, dim), 0, 3, 1, 2)
	resized := op.ResizeBy(learned, positionScales(v.embed.Grid(x), grid), op.ResizeAttrs{Mode: "cubic", CubicCoeffA: bicubic.Coefficient})
	// It has the patches' size already. Said once more in the terms of the image's, ONNX
	// Runtime's symbolic shape inference knows it.
	positions := op.ReshapeTo(resized, op.Concat(0, op.Ints(x, 1, dim), sizesOf(patches, 2, 4)))
	tokens := op.Transpose(op.Reshape(op.Add(patches, positions), 0, 0, -1), 0, 2, 1)

	first := op.ExpandTo(op.Add(v.cls.Value, parts[0]), op.Concat(0, sizesOf(x, 0, 1), op.Ints(x, 1, dim)))
	r := Residual{stream: op.Concat(1, first, tokens)}
	for i, b := range v.blocks {
		r = b.Forward(r, 0, i, DropPath{})
	}
	return v.norm.ForwardResidual(r)
}

// sizesOf is the size of dimensions start .. end-1 of x, int64, cut out of the whole
// shape: ONNX Runtime's symbolic shape inference takes Shape's own start and end for the
// whole.
func sizesOf(x *onnxgraph.Value, start, end int) *onnxgraph.Value {
	return op.Slice(op.Shape(x), 0, start, end)
}
