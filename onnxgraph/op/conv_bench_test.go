package op_test

import (
	"fmt"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
)

// BenchmarkConv times a 3x3 convolution of a detector and its gradients on ONNX
// Runtime, one thread: on the finest map of an image of 224 px, and on 128 regions'
// masks and boxes.
func BenchmarkConv(b *testing.B) {
	for _, shape := range [][]int{{1, 256, 56, 56}, {128, 64, 14, 14}, {128, 256, 7, 7}} {
		for _, part := range []string{"y", "dx", "dw"} {
			b.Run(fmt.Sprint(shape, " ", part), func(b *testing.B) {
				weight := []int{shape[1], shape[1], 3, 3}
				benchmarkOnORT(b, "", func(g *onnxgraph.Graph) *onnxgraph.Value {
					x, w := g.Input("x", onnxgraph.Float32, shape...), g.Input("w", onnxgraph.Float32, weight...)
					y := op.Conv(x, w, nil, op.ConvAttrs{Pads: []int{1, 1, 1, 1}})
					if part == "y" {
						return y
					}
					of := map[string]*onnxgraph.Value{"dx": x, "dw": w}[part]
					return autodiff.Pullback([]*onnxgraph.Value{y}, []*onnxgraph.Value{g.Input("dy", onnxgraph.Float32, y.Shape...)}, []*onnxgraph.Value{of})[0]
				})
				flops := 2 * float64(onnxgraph.Shape(shape).Size()*shape[1]*9)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
