package op

import "pmx/onnxgraph"

// Constants in the graph of a value that is at hand.

// Scalar is a constant of rank 0 with the element type of like.
func Scalar(like *onnxgraph.Value, x float64) *onnxgraph.Value {
	return Numbers(like, []float64{x})
}

// Fill is a constant of a shape, x everywhere, with the element type of like.
func Fill(like *onnxgraph.Value, x float64, shape ...int) *onnxgraph.Value {
	v := make([]float64, onnxgraph.Shape(shape).Size())
	for i := range v {
		v[i] = x
	}
	return Numbers(like, v, shape...)
}

// Numbers is a constant of a shape with the element type of like.
func Numbers(like *onnxgraph.Value, v []float64, shape ...int) *onnxgraph.Value {
	t := onnxgraph.NewTensor(shape, v)
	switch like.DType {
	case onnxgraph.Float64:
	case onnxgraph.Float32:
		t = onnxgraph.Narrow(t)
	case onnxgraph.Int64, onnxgraph.Int32, onnxgraph.Uint8:
		var err error
		if t, err = castTo(t, like.DType); err != nil {
			onnxgraph.Fail("Constant", []*onnxgraph.Value{like}, "%v", err)
		}
	default:
		onnxgraph.Fail("Constant", []*onnxgraph.Value{like}, "no constant of this element type")
	}
	return like.Graph().Const(t)
}

// Ints is a constant list of int64.
func Ints(like *onnxgraph.Value, v ...int) *onnxgraph.Value {
	return like.Graph().Const(onnxgraph.NewTensor([]int{len(v)}, onnxgraph.Shape(v).Int64()))
}

// zerosLike is zero in the shape and element type of x, made when the model runs
// so that the file does not hold it.
func zerosLike(x *onnxgraph.Value) *onnxgraph.Value {
	return expandAs(Scalar(x, 0), x)
}

// expandAs repeats y to the shape of x, which must be fixed.
func expandAs(y, x *onnxgraph.Value) *onnxgraph.Value {
	if !x.Shape.Static() {
		onnxgraph.Fail("Expand", []*onnxgraph.Value{x}, "gradients need fixed shapes, got %v", x.Shape)
	}
	return Expand(y, x.Shape...)
}
