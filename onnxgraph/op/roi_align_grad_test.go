package op_test

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/gradcheck"
	"pmx/onnxgraph/op"
)

func roiAlignGradCase(name string, samples int64) gradcheck.Case {
	return gradcheck.Case{Name: name, Shapes: [][]int{{2, 4, 3, 2, 4}}, Epsilon: 1,
		Fn: gradcheck.Unary(func(dy *onnxgraph.Value) *onnxgraph.Value {
			boxes := constant(dy, []int{2, 4, 4}, testRegions...)
			return onnxgraph.Apply("pmx.RoiAlignGrad", onnxgraph.Attributes{"sampling_ratio": samples}, dy, boxes, op.Ints(dy, 2, 3, 6, 5))
		})}
}

var _ = gradcheck.Add("pmx.RoiAlignGrad",
	roiAlignGradCase("as many samples as positions", 0),
	roiAlignGradCase("two samples", 2),
)
