package builders

import (
	"math"
	"slices"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// bicubicCoefficient is the a of PyTorch's and OpenCV's bicubic kernel.
const bicubicCoefficient = -0.75

// positionExcess is the published recipe's: m positions along an axis become n by
// the factor (n+0.1)/m, there to keep the product from rounding below n. It
// shifts the sampling points, so agreement needs it.
const positionExcess = 0.1

// bicubicMatrix is the linear map [to from] of bicubic resizing along one axis
// without antialiasing, pixel centres at half integers, edges repeated, as
// torch.nn.functional.interpolate(mode="bicubic", scale_factor=(to+positionExcess)/from)
// computes it (Keys, IEEE TASSP 29 (1981) 1153, with a = -0.75).
func bicubicMatrix(from, to int) [][]float64 {
	kernel := func(x float64) float64 {
		const a = bicubicCoefficient
		switch x = math.Abs(x); {
		case x <= 1:
			return ((a+2)*x-(a+3))*x*x + 1
		case x < 2:
			return a * (((x-5)*x+8)*x - 4)
		}
		return 0
	}
	m := make([][]float64, to)
	for i := range m {
		m[i] = make([]float64, from)
		centre := (float64(i)+0.5)*float64(from)/(float64(to)+positionExcess) - 0.5
		base := int(math.Floor(centre))
		for k := base - 1; k <= base+2; k++ {
			m[i][min(max(k, 0), from-1)] += kernel(centre - float64(k))
		}
	}
	return m
}

// resizePositions maps learned positions [1 1+from² dim] to another grid
// [1 1+h·w dim]: the class token's stays, the others are resized along the rows of
// the grid and then along its columns, each by one constant matrix.
func resizePositions(pos *onnxgraph.Value, from, h, w int) *onnxgraph.Value {
	if h == from && w == from {
		return pos
	}
	along := func(to int) *onnxgraph.Value { // [to from]
		return op.Numbers(pos, slices.Concat(bicubicMatrix(from, to)...), to, from)
	}
	alongY := along(h)
	alongX := alongY
	if w != h {
		alongX = along(w)
	}
	dim := pos.Shape[2]
	parts := op.Split(pos, 1, 1, from*from)
	rows := op.MatMul(alongY, op.Reshape(parts[1], from, from*dim)) // [h from·dim]
	grid := op.MatMul(alongX, op.Reshape(rows, h, from, dim))       // [h w dim], a product for each row
	return op.Concat(1, parts[0], op.Reshape(grid, 1, h*w, dim))
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
