package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// arithmetic evaluates a broadcasting operator on floats or integers; integers
// wrap around at their own width, as C's do.
func arithmetic(float func(a, b float64) float64, integer func(a, b int64) int64) func(*onnxgraph.Node, []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
	return func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		switch in[0].DType() {
		case onnxgraph.Float64:
			return one(broadcastMap(in[0], in[1], float))
		case onnxgraph.Int64:
			return one(broadcastMap(in[0], in[1], integer))
		case onnxgraph.Int32:
			return one(broadcastMap(in[0], in[1], func(a, b int32) int32 { return int32(integer(int64(a), int64(b))) }))
		case onnxgraph.Uint8:
			return one(broadcastMap(in[0], in[1], func(a, b uint8) uint8 { return uint8(integer(int64(a), int64(b))) }))
		}
		return nil, fmt.Errorf("Eval has no arithmetic on %v", in[0].DType())
	}
}
