package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// RoiAlignAttrs are the options of RoiAlign.
type RoiAlignAttrs struct {
	Height, Width int     // bins of each region along its sides
	SpatialScale  float64 // from the boxes' coordinates to positions of x; 0 means 1
	// SamplingRatio is the number of samples in a bin along each side; 0 takes
	// ⌈size of a bin⌉ of them.
	SamplingRatio int
	// OutputHalfPixel leaves out the shift by half a position and widens regions to
	// one position, as the first published versions did (torchvision's
	// aligned=False).
	OutputHalfPixel bool
}

// RoiAlign pools regions of maps x [N C H W]: rois [R 4], corners x1 y1 x2 y2, of the
// images batch [R] (int64), to [R C Height Width]. A bin is the mean of samples at
// regular distances, each interpolated linearly; those more than one position outside
// of the map count as 0 (arXiv 1703.06870, section 3; detectron2's ROIAlign).
//
// Along each side a bin's value is a weighted sum, so that for one channel of one
// region, with Ay [Height H] and Ax [Width W],
//
//	Y = Ay X Axᵀ,  dX = Ayᵀ dY Ax
//
// Nothing flows to the boxes.
// https://onnx.ai/onnx/operators/onnx__RoiAlign.html
func RoiAlign(x, rois, batch *onnxgraph.Value, a RoiAlignAttrs) *onnxgraph.Value {
	attributes := onnxgraph.Attributes{"output_height": int64(a.Height), "output_width": int64(a.Width)}
	if a.SpatialScale != 0 {
		attributes["spatial_scale"] = float32(a.SpatialScale)
	}
	if a.SamplingRatio != 0 {
		attributes["sampling_ratio"] = int64(a.SamplingRatio)
	}
	if a.OutputHalfPixel {
		attributes["coordinate_transformation_mode"] = "output_half_pixel"
	}
	return onnxgraph.Apply("RoiAlign", attributes, x, rois, batch)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "RoiAlign", SinceVersion: 16, Inputs: []string{"X", "rois", "batch_indices"}, Outputs: []string{"Y"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, rois, batch := n.Inputs[0], n.Inputs[1], n.Inputs[2]
		a, err := roiAlignAttrs(n)
		if err != nil {
			return nil, err
		}
		if !x.DType.IsFloat() || x.Rank() != 4 || rois.DType != x.DType || rois.Rank() != 2 || !rois.Shape[1:].Fits(onnxgraph.Shape{4}) ||
			batch.DType != onnxgraph.Int64 || !batch.Shape.Fits(rois.Shape[:1]) {
			return nil, fmt.Errorf("want floats X [N C H W], rois [R 4] of the same type and int64 batch_indices [R]")
		}
		if x.Shape[2] == 0 || x.Shape[3] == 0 {
			return nil, fmt.Errorf("no regions in empty maps %v", x.Shape)
		}
		if c := batch.Constant(); c != nil && x.Shape[0] != onnxgraph.Dynamic {
			if _, err := imagesOf(c, x.Shape[0]); err != nil {
				return nil, err
			}
		}
		regions := rois.Shape[0]
		if regions == onnxgraph.Dynamic {
			regions = batch.Shape[0]
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: onnxgraph.Shape{regions, x.Shape[1], a.Height, a.Width}}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		return []*onnxgraph.Value{roiAlignMapsGrad(n, dy[0]), nil, nil}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		a, err := roiAlignAttrs(n)
		if err != nil {
			return nil, err
		}
		shape := in[0].Shape()
		channels, height, width := shape[1], shape[2], shape[3]
		batch, err := imagesOf(in[2], shape[0])
		if err != nil {
			return nil, err
		}
		x, rois := onnxgraph.Data[float64](in[0]), onnxgraph.Data[float64](in[1])
		y := onnxgraph.Zeros(onnxgraph.Float64, onnxgraph.Shape{len(batch), channels, a.Height, a.Width})
		out := onnxgraph.Data[float64](y)
		for r, image := range batch {
			var sides [4]float64
			for i, v := range rois[4*r : 4*r+4] {
				sides[i] = a.position(v)
			}
			across, err := a.weights(sides[0], sides[2], a.Width, width)
			if err != nil {
				return nil, err
			}
			down, err := a.weights(sides[1], sides[3], a.Height, height)
			if err != nil {
				return nil, err
			}
			columns := transposed(across, a.Width, width)
			rows := make([]float64, a.Height*width)
			for c := range channels {
				plane := x[(image*channels+c)*height*width:][:height*width]
				clear(rows)
				multiplyAdd(rows, down, plane, a.Height, height, width)
				multiplyAdd(out[(r*channels+c)*a.Height*a.Width:][:a.Height*a.Width], rows, columns, a.Height, width, a.Width)
			}
		}
		return one(y)
	},
})

// roiAlignAttrs reads and checks a node's options.
func roiAlignAttrs(n *onnxgraph.Node) (RoiAlignAttrs, error) {
	a := RoiAlignAttrs{
		Height: n.Attributes.Int("output_height", 1), Width: n.Attributes.Int("output_width", 1),
		SpatialScale: n.Attributes.Float("spatial_scale", 1), SamplingRatio: n.Attributes.Int("sampling_ratio", 0),
	}
	switch mode := n.Attributes.Str("coordinate_transformation_mode", "half_pixel"); mode {
	case "half_pixel":
	case "output_half_pixel":
		a.OutputHalfPixel = true
	default:
		return a, fmt.Errorf("coordinate_transformation_mode %q is neither half_pixel nor output_half_pixel", mode)
	}
	if mode := n.Attributes.Str("mode", "avg"); mode != "avg" {
		return a, fmt.Errorf("mode %q is not supported: use avg", mode)
	}
	if a.Height < 1 || a.Width < 1 || a.Height > mostBins || a.Width > mostBins {
		return a, fmt.Errorf("%d by %d bins: want 1 to %d each", a.Height, a.Width, mostBins)
	}
	if a.SamplingRatio < 0 || a.SamplingRatio > mostSamples {
		return a, fmt.Errorf("sampling_ratio is %d, want 0 to %d", a.SamplingRatio, mostSamples)
	}
	return a, nil
}

// Bounds on what one region costs.
const (
	mostBins    = 1 << 10
	mostSamples = 1 << 16
)

// imagesOf reads the image of each region.
func imagesOf(batch *onnxgraph.Tensor, images int) ([]int, error) {
	out := toInts(batch)
	for _, i := range out {
		if i < 0 || i >= images {
			return nil, fmt.Errorf("image %d is outside a batch of %d", i, images)
		}
	}
	return out, nil
}

// position is where a box's coordinate lies among the positions of x.
func (a RoiAlignAttrs) position(coordinate float64) float64 {
	if a.OutputHalfPixel {
		return coordinate * a.SpatialScale
	}
	return coordinate*a.SpatialScale - 0.5
}

// weights is Ay or Ax, [bins length], of a region from lo to hi.
func (a RoiAlignAttrs) weights(lo, hi float64, bins, length int) ([]float64, error) {
	extent := hi - lo
	if a.OutputHalfPixel {
		extent = max(extent, 1)
	}
	bin := extent / float64(bins)
	samples := math.Ceil(bin)
	if a.SamplingRatio > 0 {
		samples = float64(a.SamplingRatio)
	}
	if !(samples <= mostSamples) {
		return nil, fmt.Errorf("a region from %g to %g is too large", lo, hi)
	}
	m := make([]float64, bins*length)
	for i := range bins {
		for k := range int(max(samples, 0)) {
			at := lo + float64(i)*bin + (float64(k)+0.5)*bin/samples
			if !(at >= -1 && at <= float64(length)) {
				continue
			}
			at = min(max(at, 0), float64(length-1))
			floor := min(int(at), length-1)
			t := at - float64(floor)
			m[i*length+floor] += (1 - t) / samples
			if t > 0 {
				m[i*length+floor+1] += t / samples
			}
		}
	}
	return m, nil
}

// roiAlignMapsGrad is dX. RoiAlignGrad wants the regions of each image together, the
// same number of each; where batch_indices is another list than 0 0 0 1 1 1 ..., it
// is asked once for each image, with dy of the other images' regions as 0.
func roiAlignMapsGrad(n *onnxgraph.Node, dy *onnxgraph.Value) *onnxgraph.Value {
	x, batch := n.Inputs[0], n.Inputs[2]
	a, err := roiAlignAttrs(n)
	if err != nil || !x.Shape.Static() || !dy.Shape.Static() {
		onnxgraph.Fail("RoiAlign", n.Inputs, "gradients need fixed shapes")
	}
	images, regions := x.Shape[0], dy.Shape[0]
	boxes := roiPositions(n.Inputs[1], a)
	if sameOfEach(batch.Constant(), images) {
		return roiAlignGradParts(grouped(dy, images), grouped(boxes, images), x.Shape, a)
	}
	maps := make([]*onnxgraph.Value, images)
	for i := range maps {
		own := Cast(Equal(batch, Ints(batch, i)), dy.DType)
		maps[i] = roiAlignGradParts(grouped(Mul(dy, Reshape(own, regions, 1, 1, 1)), 1), grouped(boxes, 1), append(onnxgraph.Shape{1}, x.Shape[1:]...), a)
	}
	return Concat(0, maps...)
}

// grouped is v [N·R ...] as [N R ...].
func grouped(v *onnxgraph.Value, images int) *onnxgraph.Value {
	return Reshape(v, append([]int{images, v.Shape[0] / images}, v.Shape[1:]...)...)
}

// sameOfEach reports whether batch is 0 0 0 1 1 1 ...: each image as often.
func sameOfEach(batch *onnxgraph.Tensor, images int) bool {
	if batch == nil || batch.Size()%images != 0 {
		return false
	}
	for r, image := range toInts(batch) {
		if image != r/(batch.Size()/images) {
			return false
		}
	}
	return true
}

// roiPositions are boxes [R 4] in positions of x.
func roiPositions(rois *onnxgraph.Value, a RoiAlignAttrs) *onnxgraph.Value {
	scaled := Mul(rois, Scalar(rois, a.SpatialScale))
	if !a.OutputHalfPixel {
		return Sub(scaled, Scalar(rois, 0.5))
	}
	ends := Split(scaled, 1, 2, 2)
	return Concat(1, ends[0], Max(ends[1], Add(ends[0], Scalar(rois, 1))))
}

// partBytes bounds what the body of RoiAlignGrad keeps between its two products.
const partBytes = 1 << 29

// roiAlignGradParts is RoiAlignGrad of some images and regions at a time, so that
// memory is bounded where no kernel of ours computes it.
func roiAlignGradParts(dy, boxes *onnxgraph.Value, x onnxgraph.Shape, a RoiAlignAttrs) *onnxgraph.Value {
	images, perImage := x[0], boxes.Shape[1]
	at := max(1, partBytes/(4*x[1]*a.Height*x[3])) // regions
	if images*perImage <= at {
		return roiAlignGrad(dy, boxes, x, a.SamplingRatio)
	}
	step, span := max(1, at/perImage), min(perImage, at) // images and regions of each in a part
	var maps []*onnxgraph.Value
	for i := 0; i < images; i += step {
		some := min(step, images-i)
		var sums []*onnxgraph.Value
		for r := 0; r < perImage; r += span {
			part := func(v *onnxgraph.Value) *onnxgraph.Value {
				return SliceN(v, []int{0, 1}, []int{i, r}, []int{i + some, min(r+span, perImage)}, nil)
			}
			sums = append(sums, roiAlignGrad(part(dy), part(boxes), append(onnxgraph.Shape{some}, x[1:]...), a.SamplingRatio))
		}
		maps = append(maps, Sum(sums...))
	}
	return Concat(0, maps...)
}
