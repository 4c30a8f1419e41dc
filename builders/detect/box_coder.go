package detect

import (
	"math"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// BoxCoder writes a box as its difference from another (arXiv 1311.2524, appendix C),
// each of the four numbers multiplied by a weight: with centres c, widths w, heights h
//
//	dx = X·(c'ₓ - cₓ)/w,  dy = Y·(c'ᵧ - cᵧ)/h,  dw = Width·ln(w'/w),  dh = Height·ln(h'/h)
//
// (detectron2's Box2BoxTransform)
type BoxCoder struct{ X, Y, Width, Height float64 }

// The coders of anchors and of regions.
var (
	AnchorCoder = BoxCoder{1, 1, 1, 1}
	RegionCoder = BoxCoder{10, 10, 5, 5}
)

// mostGrowth bounds decoded widths and heights: 1000 pixels from 16.
var mostGrowth = math.Log(1000.0 / 16)

// Encode gives the deltas that take boxes from to boxes to, both [... 4].
func (c BoxCoder) Encode(from, to *onnxgraph.Value) *onnxgraph.Value {
	a, b := cornersOf(from), cornersOf(to)
	aWidth, aHeight, bWidth, bHeight := a.width(), a.height(), b.width(), b.height()
	ax, ay := a.centre(aWidth, aHeight)
	bx, by := b.centre(bWidth, bHeight)
	number := func(v float64) *onnxgraph.Value { return op.Scalar(from, v) }
	return op.Concat(-1,
		op.Div(op.Mul(number(c.X), op.Sub(bx, ax)), aWidth),
		op.Div(op.Mul(number(c.Y), op.Sub(by, ay)), aHeight),
		op.Mul(number(c.Width), op.Log(op.Div(bWidth, aWidth))),
		op.Mul(number(c.Height), op.Log(op.Div(bHeight, aHeight))))
}

// Decode applies deltas [... 4] to boxes from, whose shape broadcasts to that: K
// classes' deltas [R K 4] go with boxes [R 1 4].
func (c BoxCoder) Decode(deltas, from *onnxgraph.Value) *onnxgraph.Value {
	b := cornersOf(from)
	width, height := b.width(), b.height()
	x, y := b.centre(width, height)
	d := op.Split(op.Div(deltas, op.Numbers(deltas, []float64{c.X, c.Y, c.Width, c.Height}, 4)), -1, 1, 1, 1, 1)
	growth := func(d *onnxgraph.Value) *onnxgraph.Value { return op.Exp(op.Min(d, op.Scalar(deltas, mostGrowth))) }
	x, y = op.Add(op.Mul(d[0], width), x), op.Add(op.Mul(d[1], height), y)
	half := op.Scalar(deltas, 0.5)
	halfWidth, halfHeight := op.Mul(half, op.Mul(growth(d[2]), width)), op.Mul(half, op.Mul(growth(d[3]), height))
	return box{op.Sub(x, halfWidth), op.Sub(y, halfHeight), op.Add(x, halfWidth), op.Add(y, halfHeight)}.boxes()
}
