package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// IoU is the intersection over union of each object [N G 4] with each box [N A 4] (or
// [1 A 4], the same for all images), [N G A]; 0 where they do not meet.
func IoU(objects, boxes *onnxgraph.Value) *onnxgraph.Value {
	a, b := cornersOf(objects), cornersOf(boxes)
	areaA, areaB := a.area(), across(b.area())
	overlap := func(lo, hi, lo2, hi2 *onnxgraph.Value) *onnxgraph.Value {
		length := op.Sub(op.Min(hi, across(hi2)), op.Max(lo, across(lo2)))
		return op.Max(length, op.Scalar(length, 0))
	}
	both := op.Mul(overlap(a.x1, a.x2, b.x1, b.x2), overlap(a.y1, a.y2, b.y1, b.y2))
	zero := op.Scalar(both, 0)
	return op.Where(op.Greater(both, zero), op.Div(both, op.Sub(op.Add(areaA, areaB), both)), zero)
}

// across is a column [N A 1] as a row [N 1 A].
func across(v *onnxgraph.Value) *onnxgraph.Value { return op.Transpose(v, 0, 2, 1) }
