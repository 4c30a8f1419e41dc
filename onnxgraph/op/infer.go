package op

import (
	"fmt"
	"strings"

	"pmx/onnxgraph"
)

// Shared pieces of shape inference.

// inferFunc is the type of onnxgraph.OpSchema.Infer.
type inferFunc = func(*onnxgraph.Node) ([]onnxgraph.Type, error)

// floatOnly, numeric and boolOnly add to shape inference that every operand is of
// such a type.
func floatOnly(infer inferFunc) inferFunc {
	return ofType("floats", onnxgraph.DType.IsFloat, infer)
}

func numeric(infer inferFunc) inferFunc {
	return ofType("numbers", func(t onnxgraph.DType) bool { return t != onnxgraph.Bool && t.Size() > 0 }, infer)
}

func boolOnly(infer inferFunc) inferFunc {
	return ofType("bool", func(t onnxgraph.DType) bool { return t == onnxgraph.Bool }, infer)
}

func ofType(what string, has func(onnxgraph.DType) bool, infer inferFunc) inferFunc {
	return func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		for _, x := range n.Inputs {
			if x != nil && !has(x.DType) {
				return nil, fmt.Errorf("want %s, got %v", what, x.DType)
			}
		}
		return infer(n)
	}
}

func sameDType(a, b onnxgraph.Type) error {
	if a.DType != b.DType {
		return fmt.Errorf("element types differ: %v and %v", a.DType, b.DType)
	}
	return nil
}

// axisOf resolves a possibly negative axis against a rank.
func axisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d is outside [%d, %d]", axis, -rank, rank-1)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// lastAxis adds to shape inference that the attribute axis is the last of the first
// operand, the only one that the body and the kernel serve.
func lastAxis(infer inferFunc) inferFunc {
	return func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		types, err := infer(n)
		if err != nil {
			return nil, err
		}
		x := n.Inputs[0]
		axis, err := axisOf(n.Attributes.Int("axis", -1), x.Rank())
		if err == nil && axis != x.Rank()-1 {
			err = fmt.Errorf("axis %d is not the last of %v, the only one here", axis, x.Type)
		}
		return types, err
	}
}

// axesOf resolves several axes against a rank.
func axesOf(axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	for i, a := range axes {
		var err error
		if out[i], err = axisOf(a, rank); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// constInts reads an operand that shape inference needs the numbers of.
func constInts(n *onnxgraph.Node, i int) ([]int, error) {
	if i >= len(n.Inputs) || n.Inputs[i] == nil {
		return nil, nil
	}
	c := n.Inputs[i].Constant()
	if c == nil {
		return nil, fmt.Errorf("input %s must be a constant", formal(n, i))
	}
	if err := integers(n, i); err != nil {
		return nil, err
	}
	return toInts(c), nil
}

// integers refuses an operand that is not of type int64 or int32.
func integers(n *onnxgraph.Node, i int) error {
	if t := n.Inputs[i].DType; t != onnxgraph.Int64 && t != onnxgraph.Int32 {
		return fmt.Errorf("input %s is of type %v, want int64 or int32", formal(n, i), t)
	}
	return nil
}

// formal is the specification's name of an input.
func formal(n *onnxgraph.Node, i int) string { return strings.TrimSuffix(n.Op.Inputs[i], "?") }

// toInts reads a tensor of integers exactly; floats are cut.
func toInts(t *onnxgraph.Tensor) []int {
	if t.DType() == onnxgraph.Int64 {
		return mapSlice(onnxgraph.Data[int64](t), func(v int64) int { return int(v) })
	}
	return mapSlice(t.Float64s(), func(v float64) int { return int(v) })
}

// notNegative refuses a list of sizes with a negative one.
func notNegative(sizes []int) error {
	for i, d := range sizes {
		if d < 0 {
			return fmt.Errorf("size %d of %v is negative", i, sizes)
		}
	}
	return nil
}

// firstError is the first of several errors that is one.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// allDynamic is a shape of which only the rank is known.
func allDynamic(rank int) onnxgraph.Shape {
	out := make(onnxgraph.Shape, rank)
	for i := range out {
		out[i] = onnxgraph.Dynamic
	}
	return out
}

// shapeFrom reads an operand that lists dimensions: their number is all that is
// known of one that is computed in the graph.
func shapeFrom(n *onnxgraph.Node, i int) (onnxgraph.Shape, error) {
	list := n.Inputs[i]
	if list.DType != onnxgraph.Int64 || list.Rank() != 1 {
		return nil, fmt.Errorf("input %s is %v, want a vector of int64", n.Op.Inputs[i], list.Type)
	}
	if list.Constant() != nil {
		shape, err := constInts(n, i)
		return shape, firstError(err, notNegative(shape))
	}
	if list.Shape[0] == onnxgraph.Dynamic {
		return nil, fmt.Errorf("input %s must be a constant or a vector of known length", n.Op.Inputs[i])
	}
	return allDynamic(list.Shape[0]), nil
}
