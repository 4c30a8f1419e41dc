package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("MatMul",
	gradcheck.Case{Name: "2-D", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{3, 4}, {4, 5}}, Epsilon: 1},
	gradcheck.Case{Name: "batch and one matrix", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{2, 3, 4}, {4, 5}}, Epsilon: 1},
	gradcheck.Case{Name: "two batches and one matrix", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{2, 3, 3, 4}, {4, 2}}, Epsilon: 1},
	gradcheck.Case{Name: "one matrix and batch", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{3, 4}, {2, 4, 5}}, Epsilon: 1},
	gradcheck.Case{Name: "batches", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{2, 3, 4, 5}, {2, 3, 5, 2}}, Epsilon: 1},
	gradcheck.Case{Name: "batches broadcast", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{2, 1, 4, 5}, {3, 5, 2}}, Epsilon: 1},
	gradcheck.Case{Name: "vector and matrix", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{4}, {4, 5}}, Epsilon: 1},
	gradcheck.Case{Name: "matrix and vector", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{3, 4}, {4}}, Epsilon: 1},
	gradcheck.Case{Name: "vectors", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{4}, {4}}, Epsilon: 1},
	gradcheck.Case{Name: "vector and batch", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{4}, {2, 4, 5}}, Epsilon: 1},
	gradcheck.Case{Name: "batch and vector", Fn: gradcheck.Binary(op.MatMul), Shapes: [][]int{{2, 3, 4}, {4}}, Epsilon: 1},
)
