package op_test

import (
	"math"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// crossEntropy applies the operator; nothing flows to its second operand.
var crossEntropy = gradcheck.Binary(op.SoftTargetCrossEntropy)

var _ = gradcheck.Add("pmx.SoftTargetCrossEntropy",
	gradcheck.Case{Name: "3x4", Fn: crossEntropy, Shapes: [][]int{{3, 4}, {3, 4}}, Fixed: []int{1}},
	gradcheck.Case{Name: "one row", Fn: crossEntropy, Shapes: [][]int{{1, 5}, {1, 5}}, Fixed: []int{1}},
	gradcheck.Case{Name: "one column", Fn: crossEntropy, Shapes: [][]int{{3, 1}, {3, 1}}, Fixed: []int{1}},
	gradcheck.Case{Name: "weighted", Shapes: [][]int{{3, 4}, {3, 4}}, Fixed: []int{1},
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{op.Mul(op.SoftTargetCrossEntropy(x[0], x[1]), constant(x[0], []int{1}, -2.5))}
		}},
)

// plainCrossEntropy is the loss of rows of m logits, and their softmax, in plain Go.
func plainCrossEntropy(logits, target []float64, m int) (loss float64, p []float64) {
	for at := 0; at < len(logits); at += m {
		sum := 0.0
		for _, a := range logits[at : at+m] {
			sum += math.Exp(a)
		}
		for k, a := range logits[at : at+m] {
			loss -= target[at+k] * (a - math.Log(sum))
			p = append(p, math.Exp(a)/sum)
		}
	}
	return loss / float64(len(logits)/m), p
}

func TestSoftTargetCrossEntropy(t *testing.T) {
	logits, target := random(1, 3, 4), random(2, 3, 4)
	loss, _ := plainCrossEntropy(logits.Float64s(), target.Float64s(), 4)
	same(t, "the loss", evaluate(t, crossEntropy, logits, target)[0], row(loss))
}
