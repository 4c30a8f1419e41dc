package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// box is the corners of boxes, each [... 1].
type box struct{ x1, y1, x2, y2 *onnxgraph.Value }

// cornersOf takes boxes [... 4] apart.
func cornersOf(boxes *onnxgraph.Value) box {
	c := op.Split(boxes, -1, 1, 1, 1, 1)
	return box{c[0], c[1], c[2], c[3]}
}

// boxes puts the corners together again, [... 4].
func (b box) boxes() *onnxgraph.Value { return op.Concat(-1, b.x1, b.y1, b.x2, b.y2) }

func (b box) width() *onnxgraph.Value  { return op.Sub(b.x2, b.x1) }
func (b box) height() *onnxgraph.Value { return op.Sub(b.y2, b.y1) }
func (b box) area() *onnxgraph.Value   { return op.Mul(b.width(), b.height()) }

// centre is the middle along each axis, from the sizes.
func (b box) centre(width, height *onnxgraph.Value) (x, y *onnxgraph.Value) {
	half := op.Scalar(b.x1, 0.5)
	return op.Add(b.x1, op.Mul(half, width)), op.Add(b.y1, op.Mul(half, height))
}

// Clip moves corners of boxes [N R 4] into their image: sizes [N 1 4] are its width,
// height, width, height inside the square that the network sees.
func Clip(boxes, sizes *onnxgraph.Value) *onnxgraph.Value {
	return op.Min(op.Max(boxes, op.Scalar(boxes, 0)), sizes)
}

// NonEmpty tells which boxes [... 4] have a width and a height, bool [...].
func NonEmpty(boxes *onnxgraph.Value) *onnxgraph.Value {
	b := cornersOf(boxes)
	return op.Squeeze(op.And(op.Greater(b.x2, b.x1), op.Greater(b.y2, b.y1)), -1)
}
