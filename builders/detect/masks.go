package detect

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// maskThreshold is from where on a mask's value means the object.
const maskThreshold = 0.5

// MaskTargets pools the mask of each region's object to side by side values, bool
// [N·R side side]. masks [N·G 1 H W] are 0 and 1 at the network's size; boxes [N R 4];
// object int64 [N R] is the region's object in its image. (detectron2's
// BitMasks.crop_and_resize)
func MaskTargets(masks, boxes, object *onnxgraph.Value, side int) *onnxgraph.Value {
	images := boxes.Shape[0]
	first := make([]int64, images)
	for n := range first {
		first[n] = int64(n)
	}
	perImage := op.Div(op.ShapeOf(masks, 0, 1), op.Ints(masks, images)) // G
	firsts := op.Mul(masks.Graph().Const(onnxgraph.NewTensor([]int{images, 1}, first)), perImage)
	batch := op.Reshape(op.Add(firsts, object), -1)
	pooled := op.RoiAlign(masks, op.Reshape(boxes, -1, 4), batch, op.RoiAlignAttrs{Height: side, Width: side})
	return op.GreaterOrEqual(op.Squeeze(pooled, 1), op.Scalar(pooled, maskThreshold))
}

// PasteMasks spreads masks [n s s] over boxes [n 4] in a picture of the given size,
// int64 [2], height and width, [n height width]: linear between the centres of the
// mask's values, read at the centres of pixels, 0 outside. That is separable:
// My · mask · Mxᵀ. A pixel belongs to an object from 0.5 on. (detectron2's
// paste_masks_in_image)
func PasteMasks(masks, boxes, size *onnxgraph.Value) *onnxgraph.Value {
	b := cornersOf(boxes)
	along := func(lo, hi *onnxgraph.Value, axis int) *onnxgraph.Value { // [n pixels s]
		side := masks.Shape[axis+1]
		pixels := op.Reshape(op.Slice(size, 0, axis, axis+1)) // of rank 0
		centre := op.Add(op.Cast(op.Range(op.Scalar(pixels, 0), pixels, op.Scalar(pixels, 1)), lo.DType), op.Scalar(lo, 0.5))
		at := op.Div(op.Sub(centre, lo), op.Sub(hi, lo)) // [n pixels], from 0 to 1
		at = op.Sub(op.Mul(at, op.Scalar(at, float64(side))), op.Scalar(at, 0.5))
		values := make([]float64, side)
		for j := range values {
			values[j] = float64(j)
		}
		distance := op.Abs(op.Sub(op.Unsqueeze(at, 2), op.Numbers(at, values, side)))
		return op.Relu(op.Sub(op.Scalar(at, 1), distance))
	}
	down, across := along(b.y1, b.y2, 0), along(b.x1, b.x2, 1)
	return op.MatMul(op.MatMul(down, masks), op.Transpose(across, 0, 2, 1))
}
