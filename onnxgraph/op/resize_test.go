package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func resizeCase(name string, shape, sizes []int, a op.ResizeAttrs) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: [][]int{shape}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value { return op.Resize(x, sizes, a) })}
}

var _ = gradcheck.Add("Resize",
	resizeCase("nearest", []int{1, 2, 3, 4}, []int{1, 2, 5, 3}, op.ResizeAttrs{}),
	resizeCase("linear", []int{1, 2, 3, 4}, []int{1, 2, 5, 3}, op.ResizeAttrs{Mode: "linear"}),
	resizeCase("cubic", []int{1, 2, 3, 4}, []int{1, 2, 5, 3}, op.ResizeAttrs{Mode: "cubic", CubicCoeffA: -0.5}),
	resizeCase("excluding outside", []int{4, 3}, []int{3, 5}, op.ResizeAttrs{Mode: "cubic", ExcludeOutside: true}),
	resizeCase("aligned corners", []int{4, 3}, []int{1, 5}, op.ResizeAttrs{Mode: "linear", CoordinateTransformation: "align_corners"}),
	resizeCase("every axis", []int{2, 3, 2}, []int{3, 2, 4}, op.ResizeAttrs{Mode: "linear"}),
	gradcheck.Case{Name: "vector", Shapes: [][]int{{4}}, Epsilon: 1, OnlyEval: "its Resize takes no vectors",
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.Resize(x, []int{6}, op.ResizeAttrs{Mode: "cubic"})
		})},
	gradcheck.Case{Name: "scales", Shapes: [][]int{{3, 4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(x *onnxgraph.Value) *onnxgraph.Value {
			return op.ResizeScale(x, []float32{1.5, 0.6}, op.ResizeAttrs{Mode: "linear"})
		})},
)
