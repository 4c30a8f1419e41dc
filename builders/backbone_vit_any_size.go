package builders

import (
	"pmx/internal/bicubic"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// ForwardAnySize encodes images x [B 3 H W] whose height and width may be
// Dynamic and need only be multiples of the patch; others fail. It returns the
// tokens after the final norm, [B 1+(H/p)(W/p) dim]. The learned positions are
// resized to the grid in the graph, so that images of any size have the positions
// that Forward gives them: bicubic, by the factor (n+positionExcess)/m.
func (v *ViT) ForwardAnySize(x *onnxgraph.Value) *onnxgraph.Value {
	grid, dim := v.config.ImageSize/v.config.PatchSize, v.config.Dim
	patches := v.embed.ForwardAnySize(x) // [B dim h w]

	parts := op.Split(v.pos.Value, 1, 1, grid*grid)
	learned := op.Transpose(op.Reshape(parts[1], 1, grid, grid, dim), 0, 3, 1, 2)
	resized := op.ResizeBy(learned, positionScales(v.embed.Grid(x), grid), op.ResizeAttrs{Mode: "cubic", CubicCoeffA: bicubic.Coefficient})
	tokens := op.Transpose(op.Reshape(op.Add(patches, resized), 0, 0, -1), 0, 2, 1)

	first := op.ExpandTo(op.Add(v.cls.Value, parts[0]), op.Concat(0, op.ShapeOf(x, 0, 1), op.Ints(x, 1, dim)))
	r := Residual{stream: op.Concat(1, first, tokens)}
	for i, b := range v.blocks {
		r = b.Forward(r, 0, i, DropPath{})
	}
	_, y := v.norm.ForwardResidual(r)
	return y
}
