package op

import "pmx/onnxgraph"

// Shape returns the dimensions of x as a vector of int64, known when the model
// runs. The attributes start and end (opset 15) take a part of it. Nothing flows
// back.
// https://onnx.ai/onnx/operators/onnx__Shape.html
func Shape(x *onnxgraph.Value) *onnxgraph.Value { return onnxgraph.Apply("Shape", nil, x) }

// ShapeOf is Shape from dimension start up to, but without, end. Negative
// positions count from the last dimension.
func ShapeOf(x *onnxgraph.Value, start, end int) *onnxgraph.Value {
	return onnxgraph.Apply("Shape", onnxgraph.Attributes{"start": int64(start), "end": int64(end)}, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Shape", SinceVersion: 15, Inputs: []string{"data"}, Outputs: []string{"shape"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		length := len(partOfShape(n, n.Inputs[0].Shape))
		return []onnxgraph.Type{{DType: onnxgraph.Int64, Shape: onnxgraph.Shape{length}}}, nil
	},
	Grad: onnxgraph.ZeroGradient("sizes do not depend on the elements"),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		part := partOfShape(n, in[0].Shape())
		return one(onnxgraph.NewTensor([]int{len(part)}, part.Int64()))
	},
})

// partOfShape cuts start and end to the rank, as Slice does.
func partOfShape(n *onnxgraph.Node, shape onnxgraph.Shape) onnxgraph.Shape {
	r := sliceRange{start: n.Attributes.Int("start", 0), end: n.Attributes.Int("end", len(shape)), step: 1}
	start, end := r.bounds(len(shape))
	return shape[start:max(start, end)]
}
