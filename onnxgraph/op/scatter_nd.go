package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// ScatterND returns x with updates written in place of slices of it: the last
// dimension of indices [Q... K], int64, holds positions along the first K dimensions
// of x, and updates are [Q... rest...]. Reduction is "none" (overwrite; the indices
// must then be distinct), "add" or "mul".
//
//	dx = dy, and 0 where it is overwritten;  dUpdates = dy at the indices
//
// A product has no gradient here.
// https://onnx.ai/onnx/operators/onnx__ScatterND.html
func ScatterND(x, indices, updates *onnxgraph.Value, reduction string) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{}
	if reduction != "none" {
		attributes["reduction"] = reduction
	}
	return onnxgraph.Apply("ScatterND", attributes, x, indices, updates)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ScatterND", SinceVersion: 16, Inputs: []string{"data", "indices", "updates"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, updates := n.Inputs[0], n.Inputs[2]
		shape, err := slicesShape(n, x.Shape, 0)
		if err != nil {
			return nil, err
		}
		if err := sameDType(x.Type, updates.Type); err != nil {
			return nil, err
		}
		if !updates.Shape.Fits(shape) {
			return nil, fmt.Errorf("updates are %v, want %v", updates.Shape, shape)
		}
		switch r := n.Attributes.Str("reduction", "none"); {
		case r != "none" && r != "add" && r != "mul":
			return nil, fmt.Errorf("reduction %q is none of none, add and mul", r)
		case r != "none" && x.DType == onnxgraph.Bool:
			return nil, fmt.Errorf("bool has no reduction %s", r)
		}
		if c := n.Inputs[1].Constant(); c != nil && x.Shape.Static() {
			_, _, err = slicePositions(x.Shape, c, 0)
		}
		return []onnxgraph.Type{x.Type}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		indices, dx := n.Inputs[1], dy[0]
		switch n.Attributes.Str("reduction", "none") {
		case "none":
			dx = ScatterND(dx, indices, zerosLike(n.Inputs[2]), "none")
		case "mul":
			onnxgraph.Fail("ScatterND", n.Inputs, "a product has no gradient here")
		}
		return []*onnxgraph.Value{dx, nil, GatherND(dy[0], indices, 0)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		at, run, err := slicePositions(in[0].Shape(), in[1], 0)
		if err != nil {
			return nil, err
		}
		out, reduction := in[0].Clone(), n.Attributes.Str("reduction", "none")
		if reduction == "none" {
			size := out.DType().Size()
			from, to := in[2].Bytes(), out.Bytes()
			for _, k := range at {
				from = from[copy(to[k*size:(k+run)*size], from):]
			}
			return one(out)
		}
		if out.DType() != onnxgraph.Float64 {
			return nil, fmt.Errorf("Eval reduces floats only, got %v", out.DType())
		}
		y, updates := onnxgraph.Data[float64](out), onnxgraph.Data[float64](in[2])
		for i, k := range at {
			for j, v := range updates[i*run : (i+1)*run] {
				if reduction == "add" {
					y[k+j] += v
				} else {
					y[k+j] *= v
				}
			}
		}
		return one(out)
	},
})
