package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// Tile repeats x along each dimension as often as repeats says.
// dx = dy summed over the repetitions.
// https://onnx.ai/onnx/operators/onnx__Tile.html
func Tile(x *onnxgraph.Value, repeats ...int) *onnxgraph.Value {
	return onnxgraph.Apply("Tile", nil, x, Ints(x, repeats...))
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Tile", SinceVersion: 13, Inputs: []string{"input", "repeats"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		if n.Inputs[1].Constant() == nil { // computed in the graph: only the rank is known
			if list := n.Inputs[1].Shape; !list.Fits(onnxgraph.Shape{x.Rank()}) {
				return nil, fmt.Errorf("%v repeats for %d dimensions", list, x.Rank())
			}
			if err := integers(n, 1); err != nil {
				return nil, err
			}
			return []onnxgraph.Type{{DType: x.DType, Shape: allDynamic(x.Rank())}}, nil
		}
		repeats, err := constInts(n, 1)
		if err != nil {
			return nil, err
		}
		shape, err := tiled(x.Shape, repeats)
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, err
	},
	// [a b] repeated (m n) times is [m a n b]: the sum goes over m and n.
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		x := n.Inputs[0].Shape
		repeats, err := constInts(n, 1)
		if err != nil || !x.Static() {
			onnxgraph.Fail("Tile", n.Inputs, "gradients need fixed shapes and constant repeats")
		}
		var apart, axes []int
		for i, d := range x {
			apart = append(apart, repeats[i], d)
			axes = append(axes, 2*i)
		}
		if len(axes) == 0 {
			return []*onnxgraph.Value{dy[0], nil}
		}
		return []*onnxgraph.Value{ReduceSum(Reshape(dy[0], apart...), false, axes...), nil}
	}),
	Eval: func(_ *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape, err := tiled(in[0].Shape(), toInts(in[1]))
		if err != nil {
			return nil, err
		}
		index := make([][]int, len(shape))
		for d, size := range shape {
			index[d] = span(size)
			for i := range index[d] {
				index[d][i] %= in[0].Shape()[d]
			}
		}
		out := onnxgraph.Zeros(in[0].DType(), shape)
		selectOuter(out, in[0], index)
		return one(out)
	},
})

func tiled(x onnxgraph.Shape, repeats []int) (onnxgraph.Shape, error) {
	if len(repeats) != len(x) {
		return nil, fmt.Errorf("%d repeats for %d dimensions", len(repeats), len(x))
	}
	out := x.Clone()
	for i, k := range repeats {
		if k < 0 || out[i] > 0 && k > math.MaxInt/out[i] {
			return nil, fmt.Errorf("dimension %d is repeated %d times", i, k)
		}
		if out[i] != onnxgraph.Dynamic {
			out[i] *= k
		}
	}
	return out, nil
}
