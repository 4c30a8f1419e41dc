package builders

import (
	"slices"

	"pmx/internal/bicubic"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// positionExcess is the published recipe's: m positions along an axis become n by
// the factor (n+0.1)/m, there to keep the product from rounding below n. It
// shifts the sampling points, so agreement needs it.
const positionExcess = 0.1

// positionMatrix is the linear map [to from] of resizing positions along one axis by the
// factor (to+excess)/from.
func positionMatrix(from, to int, excess float64) [][]float64 {
	return bicubic.Matrix(from, to, float64(to)+excess)
}

// resizePositions maps learned positions [1 1+from² dim] to another grid
// [1 1+h·w dim]: the class token's stays, the others are resized as the published
// recipe does.
func resizePositions(pos *onnxgraph.Value, from, h, w int) *onnxgraph.Value {
	if h == from && w == from {
		return pos
	}
	parts := op.Split(pos, 1, 1, from*from)
	return op.Concat(1, parts[0], resizeGrid(parts[1], from, h, w, positionExcess))
}

// ResizePositions maps learned positions [1 1+from² dim] to those of the patches of
// another grid, [1 h·w dim], without the class token's, as detectron2's ViTs do:
// bicubic, by size.
func ResizePositions(pos *onnxgraph.Value, from, h, w int) *onnxgraph.Value {
	grid := op.Slice(pos, 1, 1, op.ToEnd)
	if h == from && w == from {
		return grid
	}
	return resizeGrid(grid, from, h, w, 0)
}

// resizeGrid maps positions [1 from² dim] to [1 h·w dim], along the rows of the grid
// and then along its columns, each by one constant matrix.
func resizeGrid(pos *onnxgraph.Value, from, h, w int, excess float64) *onnxgraph.Value {
	along := func(to int) *onnxgraph.Value { // [to from]
		return op.Numbers(pos, slices.Concat(positionMatrix(from, to, excess)...), to, from)
	}
	alongY := along(h)
	alongX := alongY
	if w != h {
		alongX = along(w)
	}
	dim := pos.Shape[2]
	rows := op.MatMul(alongY, op.Reshape(pos, from, from*dim)) // [h from·dim]
	grid := op.MatMul(alongX, op.Reshape(rows, h, from, dim))  // [h w dim], a product for each row
	return op.Reshape(grid, 1, h*w, dim)
}

// positionScales computes the four factors that take learned positions [1 dim
// grid grid] to a size of h, w patches, int64 [2]: 1 for the trained size, which
// keeps its positions, else (n+positionExcess)/grid along both axes, as the published code
// has it also where only one of them differs.
func positionScales(size *onnxgraph.Value, grid int) *onnxgraph.Value {
	trained := op.ReduceMin(op.Cast(op.Equal(size, op.Ints(size, grid, grid)), onnxgraph.Float32), true, 0)
	number := func(v float64) *onnxgraph.Value { return op.Scalar(trained, v) }
	excess := op.Mul(number(positionExcess), op.Sub(number(1), trained))
	scales := op.Div(op.Add(op.Cast(size, onnxgraph.Float32), excess), number(float64(grid)))
	return op.Concat(0, op.Fill(scales, 1, 2), scales)
}
