package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Mul",
	gradcheck.Case{Name: "same", Fn: gradcheck.Binary(op.Mul), Shapes: [][]int{{2, 3}, {2, 3}}, Epsilon: 1},
	gradcheck.Case{Name: "row", Fn: gradcheck.Binary(op.Mul), Shapes: [][]int{{2, 3}, {3}}, Epsilon: 1},
	gradcheck.Case{Name: "outer", Fn: gradcheck.Binary(op.Mul), Shapes: [][]int{{2, 1, 4}, {3, 1}}, Epsilon: 1},
	gradcheck.Case{Name: "scalar", Fn: gradcheck.Binary(op.Mul), Shapes: [][]int{{2, 3}, {}}, Epsilon: 1},
)
