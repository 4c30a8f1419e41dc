package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// ScatterElements returns x with updates written at the indices, which replace
// the position along the axis. Reduction is "none" (overwrite; the indices must
// then be distinct) or "add".
//
//	dx = dy, and 0 where it is overwritten;  dUpdates = dy at the indices
//
// https://onnx.ai/onnx/operators/onnx__ScatterElements.html
func ScatterElements(x, indices, updates *onnxgraph.Value, axis int, reduction string) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{"axis": int64(axis)}
	if reduction != "none" {
		attributes["reduction"] = reduction
	}
	return onnxgraph.Apply("ScatterElements", attributes, x, indices, updates)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ScatterElements", SinceVersion: 16, Inputs: []string{"data", "indices", "updates"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, indices, updates := n.Inputs[0], n.Inputs[1], n.Inputs[2]
		if err := elementIndices(n); err != nil {
			return nil, err
		}
		if err := sameDType(x.Type, updates.Type); err != nil {
			return nil, err
		}
		if !updates.Shape.Fits(indices.Shape) {
			return nil, fmt.Errorf("updates %v and indices %v differ in shape", updates.Shape, indices.Shape)
		}
		if r := n.Attributes.Str("reduction", "none"); r != "none" && r != "add" {
			return nil, fmt.Errorf("reduction %q is not supported: use none or add", r)
		} else if r == "add" && x.DType == onnxgraph.Bool {
			return nil, fmt.Errorf("bool cannot be added")
		}
		return []onnxgraph.Type{x.Type}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		indices, axis := n.Inputs[1], n.Attributes.Int("axis", 0)
		dx := dy[0]
		if n.Attributes.Str("reduction", "none") == "none" {
			dx = ScatterElements(dx, indices, zerosLike(n.Inputs[2]), axis, "none")
		}
		return []*onnxgraph.Value{dx, nil, GatherElements(dy[0], indices, axis)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		at, err := elementPositions(in[0].Shape(), in[1], n.Attributes.Int("axis", 0))
		if err != nil {
			return nil, err
		}
		out := in[0].Clone()
		if n.Attributes.Str("reduction", "none") == "add" {
			if out.DType() != onnxgraph.Float64 {
				return nil, fmt.Errorf("Eval adds floats only, got %v", out.DType())
			}
			y := onnxgraph.Data[float64](out)
			for i, v := range onnxgraph.Data[float64](in[2]) {
				y[at[i]] += v
			}
			return one(out)
		}
		size := out.DType().Size()
		from, to := in[2].Bytes(), out.Bytes()
		for i, k := range at {
			copy(to[k*size:(k+1)*size], from[i*size:(i+1)*size])
		}
		return one(out)
	},
})

func scatterAdd(x, indices, updates *onnxgraph.Value, axis int) *onnxgraph.Value {
	return ScatterElements(x, indices, updates, axis, "add")
}
