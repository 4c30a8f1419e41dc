package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// arithmetic evaluates a broadcasting operator on floats or integers; integers
// wrap around at their own width, as C's do.
func arithmetic(float func(a, b float64) float64, integer func(a, b int64) int64) evalFunc {
	return func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		return alone(pairwise(in[0], in[1], float, integer))
	}
}

// pairwise is arithmetic on two tensors; integer is nil where only floats go.
func pairwise(a, b *onnxgraph.Tensor, float func(a, b float64) float64, integer func(a, b int64) int64) (*onnxgraph.Tensor, error) {
	if a.DType() == onnxgraph.Float64 {
		return broadcastMap(a, b, float)
	}
	if integer == nil {
		return nil, fmt.Errorf("Eval takes floats here, got %v", a.DType())
	}
	switch a.DType() {
	case onnxgraph.Int8:
		return broadcastMap(a, b, atWidth[int8](integer))
	case onnxgraph.Int16:
		return broadcastMap(a, b, atWidth[int16](integer))
	case onnxgraph.Int32:
		return broadcastMap(a, b, atWidth[int32](integer))
	case onnxgraph.Int64:
		return broadcastMap(a, b, integer)
	case onnxgraph.Uint8:
		return broadcastMap(a, b, atWidth[uint8](integer))
	case onnxgraph.Uint16:
		return broadcastMap(a, b, atWidth[uint16](integer))
	case onnxgraph.Uint32:
		return broadcastMap(a, b, atWidth[uint32](integer))
	case onnxgraph.Uint64:
		for _, t := range []*onnxgraph.Tensor{a, b} {
			for _, v := range onnxgraph.Data[uint64](t) {
				if v > math.MaxInt64 {
					return nil, fmt.Errorf("Eval computes uint64 up to %d only, got %d", int64(math.MaxInt64), v)
				}
			}
		}
		return broadcastMap(a, b, atWidth[uint64](integer))
	}
	return nil, fmt.Errorf("Eval has no arithmetic on %v", a.DType())
}

// atWidth computes in int64 and wraps the result to T.
func atWidth[T int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64](f func(a, b int64) int64) func(a, b T) T {
	return func(a, b T) T { return T(f(int64(a), int64(b))) }
}

// comparison evaluates a broadcasting predicate on numbers. Integers compare as
// int64.
func comparison(float func(a, b float64) bool, integer func(a, b int64) bool) evalFunc {
	return func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		switch in[0].DType() {
		case onnxgraph.Float64:
			return alone(broadcastMap(in[0], in[1], float))
		case onnxgraph.Uint64:
			return nil, fmt.Errorf("Eval has no comparison of %v", in[0].DType())
		}
		a, err := asInt64(in[0])
		if err != nil {
			return nil, err
		}
		b, err := asInt64(in[1])
		if err != nil {
			return nil, err
		}
		return alone(broadcastMap(a, b, integer))
	}
}

// asInt64 widens integers of up to 32 bits and booleans.
func asInt64(t *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
	switch t.DType() {
	case onnxgraph.Int64:
		return t, nil
	case onnxgraph.Bool, onnxgraph.Int8, onnxgraph.Int16, onnxgraph.Int32, onnxgraph.Uint8, onnxgraph.Uint16, onnxgraph.Uint32:
		return onnxgraph.NewTensor(t.Shape(), mapSlice(t.Float64s(), func(v float64) int64 { return int64(v) })), nil
	}
	return nil, fmt.Errorf("Eval takes integers here, got %v", t.DType())
}
