package op

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// RoiAlignGrad returns dX [N C H W] of RoiAlign, which pooled R regions of each image:
// dY [N R C h w]; boxes [N R 4], x1 y1 x2 y2 in positions of X; shape [4] is that of X.
// With the mean linear weights Ay [N R h H] and Ax [N R w W] along the axes,
//
//	dX[n c] = Σ_r Ay[n r]ᵀ dY[n r c] Ax[n r]
//
// which the body computes as two products: dY Ax for each region, then one for each
// image. dY's derivative is the pooling itself.
var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "RoiAlignGrad", Domain: onnxgraph.DomainPMX, SinceVersion: 1,
	Inputs: []string{"dY", "boxes", "shape"}, Outputs: []string{"dX"},
	Attributes: []onnxgraph.Attribute{{Name: "sampling_ratio", Default: int64(0)}},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		dy, boxes := n.Inputs[0], n.Inputs[1]
		if s := n.Attributes.Int("sampling_ratio", 0); s < 0 || s > mostSamples {
			return nil, fmt.Errorf("sampling_ratio is %d, want 0 to %d", s, mostSamples)
		}
		if n.Inputs[2].DType != onnxgraph.Int64 || !n.Inputs[2].Shape.Fits(onnxgraph.Shape{4}) {
			return nil, fmt.Errorf("want shape int64[4], got %v", n.Inputs[2].Type)
		}
		x, err := shapeFrom(n, 2)
		if err != nil {
			return nil, err
		}
		if !dy.DType.IsFloat() || dy.Rank() != 5 || slices.Contains(dy.Shape, 0) || slices.Contains(x, 0) || boxes.DType != dy.DType {
			return nil, fmt.Errorf("want floats dY [N R C h w] and boxes [N R 4] of the same type, and no dimension 0")
		}
		if !boxes.Shape.Fits(onnxgraph.Shape{dy.Shape[0], dy.Shape[1], 4}) || !x[:2].Fits(onnxgraph.Shape{dy.Shape[0], dy.Shape[2]}) || !x[:1].Fits(boxes.Shape[:1]) {
			return nil, fmt.Errorf("dY %v, boxes %v and shape %v do not fit each other", dy.Shape, boxes.Shape, x)
		}
		return []onnxgraph.Type{{DType: dy.DType, Shape: x}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, g []*onnxgraph.Value) []*onnxgraph.Value {
		dy, boxes := n.Inputs[0], n.Inputs[1]
		if !dy.Shape.Static() || !boxes.Shape.Static() {
			onnxgraph.Fail(n.Op.ID(), n.Inputs, "gradients need fixed shapes")
		}
		images := make([]int, dy.Shape[0]*dy.Shape[1])
		for r := range images {
			images[r] = r / dy.Shape[1]
		}
		rois := Add(Reshape(boxes, -1, 4), Scalar(boxes, 0.5)) // which RoiAlign takes off
		y := RoiAlign(g[0], rois, Ints(boxes, images...), RoiAlignAttrs{
			Height: dy.Shape[3], Width: dy.Shape[4], SamplingRatio: n.Attributes.Int("sampling_ratio", 0),
		})
		return []*onnxgraph.Value{grouped(y, dy.Shape[0]), nil, nil}
	}),
	Body: func(n *onnxgraph.Node, in []*onnxgraph.Value) []*onnxgraph.Value {
		dy, boxes, shape := in[0], in[1], in[2]
		size := func(i int) *onnxgraph.Value { return Slice(shape, 0, i, i+1) }
		images, channels, height, width := size(0), size(1), size(2), size(3)
		down, across := ShapeOf(dy, 3, 4), ShapeOf(dy, 4, 5)
		rest := Ints(dy, -1)

		corner := Split(Reshape(boxes, -1, 4), 1, 1, 1, 1, 1) // each [N·R 1]
		samples := Cast(intAttribute(n, "sampling_ratio"), boxes.DType)
		ax := regionWeights(corner[0], corner[2], across, width, samples) // [N·R w W]
		ay := regionWeights(corner[1], corner[3], down, height, samples)  // [N·R h H]

		byRow := Transpose(dy, 0, 1, 3, 2, 4)                                              // [N R h C w]
		spread := MatMul(ReshapeTo(byRow, Concat(0, ShapeOf(ax, 0, 1), rest, across)), ax) // [N·R h·C W]
		rows := ReshapeTo(spread, Concat(0, images, rest, Mul(channels, width)))           // [N R·h C·W]
		columns := Transpose(ReshapeTo(ay, Concat(0, images, rest, height)), 0, 2, 1)      // [N H R·h]
		dx := ReshapeTo(MatMul(columns, rows), Concat(0, images, height, channels, width)) // [N H C W]
		return []*onnxgraph.Value{Transpose(dx, 0, 2, 1, 3)}
	},
})

func roiAlignGrad(dy, boxes *onnxgraph.Value, x onnxgraph.Shape, samples int) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{}
	if samples != 0 {
		attributes["sampling_ratio"] = int64(samples)
	}
	return onnxgraph.Apply("pmx.RoiAlignGrad", attributes, dy, boxes, Ints(dy, x...))
}

// regionWeights is Ay or Ax, [R bins length], of regions from lo to hi, [R 1]: the mean
// over a bin's samples, at y_ik = lo + i·bin + (k+½)·bin/n, of the linear weights
// max(0, 1 - |y_ik - h|), where a sample more than one position outside counts as 0
// and one that is outside is moved to the border. bins and length are int64 [1]; n is
// samples [1], or ⌈bin⌉ where that is 0.
func regionWeights(lo, hi, bins, length, samples *onnxgraph.Value) *onnxgraph.Value {
	number := func(v float64) *onnxgraph.Value { return Scalar(lo, v) }
	count := func(n *onnxgraph.Value) *onnxgraph.Value { return Cast(upTo(n), lo.DType) }
	bin := Div(Sub(hi, lo), Cast(bins, lo.DType)) // [R 1]
	n := Where(Greater(samples, number(0)), samples, Ceil(bin))
	divisor := Where(GreaterOrEqual(n, number(1)), n, number(1))             // 1 also where n is NaN
	k := count(Cast(Reshape(ReduceMax(divisor, false), 1), onnxgraph.Int64)) // [K]
	i := Unsqueeze(count(bins), 1)                                           // [bins 1]
	offset := Div(Mul(Add(k, number(0.5)), bin), divisor)                    // [R K]
	starts := Add(lo, Mul(Squeeze(i, 1), bin))                               // [R bins]
	at := Add(Unsqueeze(starts, 2), Unsqueeze(offset, 1))                    // [R bins K]

	end := Cast(length, lo.DType) // [1]
	within := And(GreaterOrEqual(at, number(-1)), LessOrEqual(at, end))
	used := And(within, Unsqueeze(Less(k, n), 1))
	share := Div(Cast(used, lo.DType), Unsqueeze(divisor, 2)) // [R bins K]
	inside := Min(Max(at, number(0)), Sub(end, number(1)))
	distance := Abs(Sub(Unsqueeze(inside, 3), count(length))) // [R bins K length]
	return ReduceSum(Mul(Relu(Sub(number(1), distance)), Unsqueeze(share, 3)), false, 2)
}
