package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

// convCase checks f at x, w and maybe a bias.
func convCase(name string, f func(x, w, b *onnxgraph.Value, c op.ConvAttrs) *onnxgraph.Value, c op.ConvAttrs, shapes ...[]int) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: shapes, Epsilon: 1,
		Fn: func(x []*onnxgraph.Value) []*onnxgraph.Value {
			return []*onnxgraph.Value{f(x[0], x[1], append(x, nil)[2], c)}
		}}
}

var _ = gradcheck.Add("Conv",
	convCase("plain", op.Conv, op.ConvAttrs{}, []int{2, 3, 5, 4}, []int{4, 3, 3, 2}, []int{4}),
	convCase("patches", op.Conv, op.ConvAttrs{Strides: []int{2, 2}}, []int{2, 3, 4, 6}, []int{5, 3, 2, 2}, []int{5}),
	convCase("pads", op.Conv, op.ConvAttrs{Pads: []int{1, 0, 2, 1}}, []int{1, 2, 3, 3}, []int{2, 2, 3, 3}),
	convCase("stride leaves rows", op.Conv, op.ConvAttrs{Strides: []int{3, 2}}, []int{2, 2, 7, 6}, []int{3, 2, 2, 3}),
	convCase("pads at stride 1", op.Conv, op.ConvAttrs{Pads: []int{1, 2, 1, 0}, Dilations: []int{1, 2}}, []int{2, 3, 5, 4}, []int{4, 3, 3, 2}, []int{4}),
	convCase("more pads than the kernel", op.Conv, op.ConvAttrs{Pads: []int{3, 2, 2, 4}}, []int{1, 2, 3, 3}, []int{3, 2, 2, 3}),
	convCase("dilations", op.Conv, op.ConvAttrs{Dilations: []int{2, 1}, Strides: []int{1, 2}, Pads: []int{1, 1, 1, 1}}, []int{1, 2, 5, 5}, []int{3, 2, 2, 2}),
	convCase("groups", op.Conv, op.ConvAttrs{Group: 2, Strides: []int{2, 1}}, []int{3, 4, 4, 3}, []int{6, 2, 2, 2}, []int{6}),
	convCase("depthwise", op.Conv, op.ConvAttrs{Group: 3, Pads: []int{1, 1, 1, 1}}, []int{2, 3, 3, 3}, []int{3, 1, 3, 3}),
	convCase("1-D", op.Conv, op.ConvAttrs{}, []int{2, 3, 6}, []int{4, 3, 3}),
	convCase("3-D", op.Conv, op.ConvAttrs{Strides: []int{2, 1, 2}}, []int{1, 2, 4, 3, 4}, []int{2, 2, 2, 2, 2}),
)
