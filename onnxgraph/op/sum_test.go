package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Sum",
	gradcheck.Case{Name: "one", Fn: variadic(op.Sum), Shapes: [][]int{{2, 3}}, Epsilon: 1},
	gradcheck.Case{Name: "three that broadcast", Fn: variadic(op.Sum), Shapes: [][]int{{2, 1}, {3}, {}}, Epsilon: 1},
)
