package op_test

import (
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
