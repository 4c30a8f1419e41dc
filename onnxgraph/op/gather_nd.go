package op

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// GatherND takes slices of x: the last dimension of indices [B... Q... K], int64,
// holds positions along K dimensions of x [B... D1..DK rest...], and the result is
// [B... Q... rest...]. The first batchDims dimensions B are walked together; with one
// of them, GatherND takes rows of each image. dx = dy, added up where it was taken
// from.
// https://onnx.ai/onnx/operators/onnx__GatherND.html
func GatherND(x, indices *onnxgraph.Value, batchDims int) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{}
	if batchDims != 0 {
		attributes["batch_dims"] = int64(batchDims)
	}
	return onnxgraph.Apply("GatherND", attributes, x, indices)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "GatherND", SinceVersion: 13, Inputs: []string{"data", "indices"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, indices := n.Inputs[0], n.Inputs[1]
		shape, err := slicesShape(n, x.Shape, n.Attributes.Int("batch_dims", 0))
		if err == nil && indices.Constant() != nil && x.Shape.Static() {
			_, _, err = slicePositions(x.Shape, indices.Constant(), n.Attributes.Int("batch_dims", 0))
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		at := n.Inputs[1]
		if batch := n.Attributes.Int("batch_dims", 0); batch > 0 {
			at = Concat(-1, batchIndices(at, batch), at)
		}
		return []*onnxgraph.Value{ScatterND(zerosLike(n.Inputs[0]), at, dy[0], "add"), nil}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		batch := n.Attributes.Int("batch_dims", 0)
		x, indices := in[0].Shape(), in[1].Shape()
		at, run, err := slicePositions(x, in[1], batch)
		if err != nil {
			return nil, err
		}
		last := len(indices) - 1
		out := onnxgraph.Zeros(in[0].DType(), slices.Concat(indices[:last], x[batch+indices[last]:]))
		size := out.DType().Size()
		from, to := in[0].Bytes(), out.Bytes()
		for _, k := range at {
			to = to[copy(to, from[k*size:(k+run)*size]):]
		}
		return one(out)
	},
})

// slicesShape checks the indices of GatherND and ScatterND, input 1, into x and gives
// the shape of the slices that they stand for: [B... Q... rest...].
func slicesShape(n *onnxgraph.Node, x onnxgraph.Shape, batch int) (onnxgraph.Shape, error) {
	indices := n.Inputs[1]
	if indices.DType != onnxgraph.Int64 {
		return nil, fmt.Errorf("input indices is of type %v, want int64", indices.DType)
	}
	last := indices.Rank() - 1
	if last < 0 || len(x) == 0 {
		return nil, fmt.Errorf("want data and indices of rank 1 at least, got %v and %v", x, indices.Shape)
	}
	if batch < 0 || batch > last || batch >= len(x) {
		return nil, fmt.Errorf("batch_dims is %d, want fewer than the dimensions of data %v and indices %v", batch, x, indices.Shape)
	}
	if !x[:batch].Fits(indices.Shape[:batch]) {
		return nil, fmt.Errorf("the first %d dimensions of data %v and indices %v differ", batch, x, indices.Shape)
	}
	depth := indices.Shape[last]
	if depth == onnxgraph.Dynamic {
		return nil, fmt.Errorf("the last dimension of indices %v must be fixed", indices.Shape)
	}
	if depth < 1 || depth > len(x)-batch {
		return nil, fmt.Errorf("the last dimension of indices %v must be from 1 to %d, the dimensions of data %v after %d of the batch", indices.Shape, len(x)-batch, x, batch)
	}
	return slices.Concat(indices.Shape[:last], x[batch+depth:]), nil
}

// slicePositions gives, for each index in turn, the offset in data of the slice that
// it stands for, and how many elements a slice has.
func slicePositions(x onnxgraph.Shape, indices *onnxgraph.Tensor, batch int) (at []int, run int, err error) {
	last := len(indices.Shape()) - 1
	depth := indices.Shape()[last]
	index := onnxgraph.Data[int64](indices)
	step := strides(x)
	run = x[batch+depth:].Size()
	at = make([]int, indices.Shape()[:last].Size())
	perBatch := indices.Shape()[batch:last].Size()
	for i := range at {
		at[i] = i / max(perBatch, 1) * x[batch:].Size()
		for d, k := range index[i*depth : (i+1)*depth] {
			size := int64(x[batch+d])
			if k < -size || k >= size {
				return nil, 0, fmt.Errorf("index %d is outside a dimension of %d", k, size)
			}
			if k < 0 {
				k += size
			}
			at[i] += int(k) * step[batch+d]
		}
	}
	return at, run, nil
}

// batchIndices are the positions of each index along the first dimensions of its own
// tensor, [B... Q... batch]: what batch_dims leaves out.
func batchIndices(indices *onnxgraph.Value, batch int) *onnxgraph.Value {
	if !indices.Shape.Static() {
		onnxgraph.Fail("GatherND", []*onnxgraph.Value{indices}, "gradients need fixed shapes")
	}
	dims := indices.Shape[:batch]
	var numbers []int64
	walk := newOdometer(dims)
	for range dims.Size() {
		numbers = append(numbers, onnxgraph.Shape(walk.index).Int64()...)
		walk.next()
	}
	shape, whole := indices.Shape.Clone(), indices.Shape.Clone()
	for d := batch; d < len(shape); d++ {
		shape[d] = 1
	}
	shape[len(shape)-1], whole[len(whole)-1] = batch, batch
	return Expand(indices.Graph().Const(onnxgraph.NewTensor(shape, numbers)), whole...)
}
