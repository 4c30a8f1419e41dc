package detect

import (
	"math"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Levels says from which level of a pyramid a region is pooled, by its size
// (arXiv 1612.03144, equation 1).
type Levels struct {
	Lowest, Highest int
	// A square of side Canonical belongs to level CanonicalLevel.
	CanonicalLevel int
	Canonical      float64
}

// Of gives the level of boxes [... 4], int64 [...]:
//
//	⌊CanonicalLevel + log₂(√area / Canonical + 1e-8)⌋, from Lowest to Highest
//
// as the number of powers of two that are reached, which needs no logarithm.
func (l Levels) Of(boxes *onnxgraph.Value) *onnxgraph.Value {
	area := op.Squeeze(cornersOf(boxes).area(), -1)
	side := op.Add(op.Div(op.Sqrt(area), op.Scalar(area, l.Canonical)), op.Scalar(area, 1e-8))
	var powers []float64
	for k := l.Lowest + 1; k <= l.Highest; k++ {
		powers = append(powers, math.Exp2(float64(k-l.CanonicalLevel)))
	}
	reached := op.GreaterOrEqual(op.Unsqueeze(side, -1), op.Numbers(side, powers, len(powers)))
	level := op.ReduceSum(op.Cast(reached, onnxgraph.Int64), false, -1)
	return op.Add(level, op.Scalar(level, float64(l.Lowest)))
}
