package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Transpose permutes the dimensions: dimension i of the result is dimension
// perm[i] of x; without perm their order is reversed. dx = dy, permuted back.
// https://onnx.ai/onnx/operators/onnx__Transpose.html
func Transpose(x *onnxgraph.Value, perm ...int) *onnxgraph.Value {
	if len(perm) == 0 {
		return onnxgraph.Apply("Transpose", nil, x)
	}
	return onnxgraph.Apply("Transpose", onnxgraph.Attributes{"perm": onnxgraph.IntsAttr(perm...)}, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Transpose", SinceVersion: 13, Inputs: []string{"data"}, Outputs: []string{"transposed"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		perm, err := permutation(n, x.Rank())
		if err != nil {
			return nil, err
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: permuted(x.Shape, perm)}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		perm, _ := permutation(n, n.Inputs[0].Rank())
		back := make([]int, len(perm))
		for i, p := range perm {
			back[p] = i
		}
		return []*onnxgraph.Value{Transpose(dy[0], back...)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape := in[0].Shape()
		perm, err := permutation(n, len(shape))
		if err != nil {
			return nil, err
		}
		return one(gatherStrided(in[0], permuted(shape, perm), permuted(strides(shape), perm)))
	},
})

// permutation reads and checks the attribute perm.
func permutation(n *onnxgraph.Node, rank int) ([]int, error) {
	perm := n.Attributes.Ints("perm")
	if perm == nil {
		perm = span(rank)
		for i := range perm {
			perm[i] = rank - 1 - i
		}
		return perm, nil
	}
	seen := make([]bool, rank)
	for _, p := range perm {
		if p < 0 || p >= rank || seen[p] {
			return nil, fmt.Errorf("perm %v is no permutation of %d dimensions", perm, rank)
		}
		seen[p] = true
	}
	if len(perm) != rank {
		return nil, fmt.Errorf("perm %v is no permutation of %d dimensions", perm, rank)
	}
	return perm, nil
}

func permuted[S ~[]int](v S, perm []int) S {
	out := make(S, len(perm))
	for i, p := range perm {
		out[i] = v[p]
	}
	return out
}
