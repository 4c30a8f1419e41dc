package op_test

import (
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

var _ = gradcheck.Add("ConvTranspose",
	convCase("plain", op.ConvTranspose, op.ConvAttrs{}, []int{2, 3, 3, 4}, []int{3, 4, 3, 2}, []int{4}),
	convCase("stride and pads", op.ConvTranspose, op.ConvAttrs{Strides: []int{2, 3}, Pads: []int{1, 0, 1, 1}}, []int{1, 2, 3, 3}, []int{2, 2, 3, 3}),
	convCase("output padding", op.ConvTranspose, op.ConvAttrs{Strides: []int{2, 2}, OutputPadding: []int{1, 0}}, []int{2, 2, 3, 2}, []int{2, 3, 2, 2}, []int{3}),
	convCase("dilations", op.ConvTranspose, op.ConvAttrs{Dilations: []int{2, 2}}, []int{1, 2, 3, 3}, []int{2, 2, 2, 2}),
	convCase("groups", op.ConvTranspose, op.ConvAttrs{Group: 2, Strides: []int{1, 2}}, []int{2, 4, 3, 2}, []int{4, 3, 2, 2}, []int{6}),
	convCase("1-D", op.ConvTranspose, op.ConvAttrs{Strides: []int{2}}, []int{2, 3, 4}, []int{3, 2, 3}),
)
