package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// resizeAndCrop prepares raw pixels, bytes [N H W 3] of any size, as images are prepared
// for evaluation: the shorter side is scaled to short, the longer one in proportion
// (rounded down), by Pillow's bicubic filter, and the centred side x side pixels are cut
// out, float [N 3 side side] with values 0 to 255. Neither is done where the size fits.
//
// Every pixel is Pillow's: its filter is a matrix for each axis, of which only the rows
// of the crop are made; weights are rounded to 22 bits and the result of each axis to a
// byte, as in its Resample.c. In float64 the sums of such products are exact.
func resizeAndCrop(raw *onnxgraph.Value, short, side int) *onnxgraph.Value {
	g := raw.Graph()
	defer g.Scope("Resize")()
	height, width := sizesOf(raw, 1, 2), sizesOf(raw, 2, 3)
	shorter := op.Min(height, width)
	x := op.Transpose(op.Cast(raw, onnxgraph.Float64), 0, 3, 1, 2) // [N 3 H W]
	x = rounded(op.MatMul(x, op.Transpose(resizeMatrix(width, shorter, short, side), 1, 0)))
	x = rounded(op.MatMul(resizeMatrix(height, shorter, short, side), x))
	return op.Cast(x, onnxgraph.Float32)
}

// weightBits is how many bits after the point Pillow's weights have.
const weightBits = 1 << 22

// rounded is the byte, as float64, that a sum of pixels times weights in units of
// 1/weightBits becomes.
func rounded(sum *onnxgraph.Value) *onnxgraph.Value {
	number := func(v float64) *onnxgraph.Value { return op.Scalar(sum, v) }
	return op.Clip(op.Floor(op.Div(op.Add(sum, number(weightBits/2)), number(weightBits))), number(0), number(255))
}

// resizeMatrix is the filter of an axis of from pixels, int64 [1], to its part of the
// shorter side scaled to short, float64 [side from] in units of 1/weightBits: the centred
// side rows. Row i has weights at the pixels within the filter's support, two pixels of
// the larger of both scales, of the place that i comes from.
func resizeMatrix(from, shorter *onnxgraph.Value, short, side int) *onnxgraph.Value {
	size := op.Div(op.Mul(from, op.Ints(from, short)), shorter) // of the scaled axis
	in, to := op.Cast(from, onnxgraph.Float64), op.Cast(size, onnxgraph.Float64)
	number := func(v float64) *onnxgraph.Value { return op.Scalar(in, v) }
	half := number(0.5)

	// Of a rest that is odd, half goes to the nearest even number, as Python rounds.
	rest := op.Sub(size, op.Ints(size, side))
	lower := op.Div(rest, op.Ints(rest, 2))
	even := op.Add(lower, op.Mul(remainder(rest, 2), remainder(lower, 2)))
	first := op.Cast(even, onnxgraph.Float64)

	rows := make([]float64, side)
	for i := range rows {
		rows[i] = float64(i)
	}
	scale := op.Div(in, to)
	wide := op.Max(scale, number(1))
	support := op.Mul(number(2), wide)
	centre := op.Mul(op.Add(op.Add(op.Numbers(in, rows, side, 1), first), half), scale) // [side 1]
	begin := op.Max(op.Floor(op.Add(op.Sub(centre, support), half)), number(0))
	end := op.Min(op.Floor(op.Add(op.Add(centre, support), half)), in)

	pixel := op.Unsqueeze(op.Range(number(0), op.Squeeze(in, 0), number(1)), 0) // [1 from]
	weight := bicubicFilter(op.Mul(op.Add(op.Sub(pixel, centre), half), op.Reciprocal(wide)))
	outside := op.Or(op.Less(pixel, begin), op.Not(op.Less(pixel, end)))
	weight = op.Where(outside, number(0), weight)
	weight = op.Div(weight, op.ReduceSum(weight, true, 1))
	magnitude := op.Floor(op.Add(op.Mul(op.Abs(weight), number(weightBits)), half))
	return op.Where(op.Less(weight, number(0)), op.Neg(magnitude), magnitude)
}

// remainder is x mod n of int64 that are not negative.
func remainder(x *onnxgraph.Value, n int) *onnxgraph.Value {
	by := op.Ints(x, n)
	return op.Sub(x, op.Mul(op.Div(x, by), by))
}

// bicubicFilter is Pillow's, Keys' cubic convolution with a = -0.5 (IEEE Trans. ASSP 29,
// 1981), in the order of its arithmetic.
func bicubicFilter(x *onnxgraph.Value) *onnxgraph.Value {
	const a = -0.5
	number := func(v float64) *onnxgraph.Value { return op.Scalar(x, v) }
	x = op.Abs(x)
	near := op.Add(op.Mul(op.Mul(op.Sub(op.Mul(number(a+2), x), number(a+3)), x), x), number(1))
	far := op.Mul(op.Sub(op.Mul(op.Add(op.Mul(op.Sub(x, number(5)), x), number(8)), x), number(4)), number(a))
	return op.Where(op.Less(x, number(1)), near, op.Where(op.Less(x, number(2)), far, number(0)))
}
