package op_test

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("Gemm", gemmCases()...)

// gemmCases covers each pair of flags, and each shape of C.
func gemmCases() []gradcheck.Case {
	var out []gradcheck.Case
	for _, transA := range []bool{false, true} {
		for _, transB := range []bool{false, true} {
			a, b := []int{3, 4}, []int{4, 5}
			if transA {
				a = []int{4, 3}
			}
			if transB {
				b = []int{5, 4}
			}
			out = append(out, gradcheck.Case{
				Name: fmt.Sprintf("transA %v transB %v", transA, transB), Shapes: [][]int{a, b, {5}}, Epsilon: 1,
				Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
					return []*onnxgraph.Value{op.Gemm(x[0], x[1], x[2], transA, transB)}
				},
			})
		}
	}
	for _, c := range [][]int{{}, {3, 1}, {1, 5}, {3, 5}} {
		out = append(out, gradcheck.Case{
			Name: fmt.Sprint("C ", c), Shapes: [][]int{{3, 4}, {4, 5}, c}, Epsilon: 1,
			Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
				return []*onnxgraph.Value{op.Gemm(x[0], x[1], x[2], false, false)}
			},
		})
	}
	return append(out,
		gradcheck.Case{Name: "no C", Shapes: [][]int{{3, 4}, {4, 5}}, Epsilon: 1,
			Fn: gradcheck.Binary(func(a, b *onnxgraph.Value) *onnxgraph.Value { return op.Gemm(a, b, nil, false, false) })},
		gradcheck.Case{Name: "alpha and beta", Shapes: [][]int{{4, 3}, {5, 4}, {5}}, Epsilon: 1,
			Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
				return []*onnxgraph.Value{onnxgraph.Apply("Gemm", onnxgraph.Attributes{
					"alpha": float32(0.5), "beta": float32(-2), "transA": int64(1), "transB": int64(1),
				}, x...)}
			}},
	)
}
