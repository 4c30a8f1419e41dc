package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func linear(x []*onnxgraph.Value) []*onnxgraph.Value {
	return []*onnxgraph.Value{op.Linear(x[0], x[1], x[2])}
}

var (
	_ = gradcheck.Add("pmx.Linear",
		gradcheck.Case{Name: "bias", Fn: linear, Shapes: [][]int{{5, 3}, {4, 3}, {4}}, Epsilon: 1},
		gradcheck.Case{Name: "oneRow", Fn: linear, Shapes: [][]int{{1, 7}, {2, 7}, {2}}, Epsilon: 1},
	)
	_ = gradcheck.Add("pmx.LinearGradInput",
		gradcheck.Case{Name: "5x4", Fn: applied("pmx.LinearGradInput"), Shapes: [][]int{{5, 4}, {4, 3}}, Epsilon: 1})
	_ = gradcheck.Add("pmx.LinearGradWeight",
		gradcheck.Case{Name: "5x4", Fn: applied("pmx.LinearGradWeight"), Shapes: [][]int{{5, 4}, {5, 3}}, Epsilon: 1})
	_ = gradcheck.Add("pmx.LinearGelu",
		gradcheck.Case{Name: "5x3", Shapes: [][]int{{5, 3}, {4, 3}, {4}}, Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
			y, _ := op.LinearGelu(x[0], x[1], x[2])
			return []*onnxgraph.Value{y}
		}})
)

// applied gives all outputs of an operator without attributes.
func applied(id string) func([]*onnxgraph.Value) []*onnxgraph.Value {
	return func(x []*onnxgraph.Value) []*onnxgraph.Value { return onnxgraph.ApplyNode(id, nil, x...).Outputs }
}
