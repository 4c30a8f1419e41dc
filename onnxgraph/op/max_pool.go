package op

import (
	"fmt"
	"math"

	"pmx/onnxgraph"
)

// MaxPool returns the largest element of each window of x [N C ...]:
//
//	y[n c i] = max_k x[n c  i·stride + k·dilation - pad],  k below the kernel's size
//
// Its second output, Indices, is where that element stands in x as a flat list; of
// equal elements it is the first. dx = dy at the indices, added up where windows
// overlap. Group and OutputPadding are no options of it.
// https://onnx.ai/onnx/operators/onnx__MaxPool.html
func MaxPool(x *onnxgraph.Value, kernel []int, c ConvAttrs) *onnxgraph.Value {
	a := c.attributes()
	a["kernel_shape"] = onnxgraph.IntsAttr(kernel...)
	return onnxgraph.Apply("MaxPool", a, x)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "MaxPool", SinceVersion: 12, Inputs: []string{"X"}, Outputs: []string{"Y", "Indices?"},
	Infer: numeric(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		_, _, out, err := poolGeometry(n, x.Shape)
		if err != nil {
			return nil, err
		}
		shape := append(onnxgraph.Shape{x.Shape[0], x.Shape[1]}, out...)
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}, {DType: onnxgraph.Int64, Shape: shape}}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		x := n.Inputs[0]
		if !x.Shape.Static() || n.Attributes.Int("storage_order", 0) != 0 {
			onnxgraph.Fail("MaxPool", n.Inputs, "gradients need fixed shapes and storage_order 0")
		}
		zeros := Expand(Scalar(x, 0), x.Shape.Size())
		flat := scatterAdd(zeros, Reshape(n.Outputs[1], -1), Reshape(dy[0], -1), 0)
		return []*onnxgraph.Value{Reshape(flat, x.Shape...)}
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shape := in[0].Shape()
		c, kernel, out, err := poolGeometry(n, shape)
		if err != nil {
			return nil, err
		}
		if kernel.Size() > mostTaps/max(out.Size(), 1) {
			return nil, fmt.Errorf("windows of %v at %v positions are too many for Eval", kernel, out)
		}
		x := in[0].Float64s()
		taps := c.taps(shape[2:], kernel, out)
		number := flatNumbers(shape[2:], n.Attributes.Int("storage_order", 0) == 1)
		planes, plane, positions := shape[:2].Size(), shape[2:].Size(), out.Size()
		y, indices := make([]float64, planes*positions), make([]int64, planes*positions)
		for p := range planes {
			for i := range positions {
				best, at := math.Inf(-1), -1
				for k := i; k < len(taps); k += positions {
					if tap := taps[k]; tap >= 0 && (at < 0 || x[p*plane+tap] > best) {
						best, at = x[p*plane+tap], tap
					}
				}
				if at < 0 {
					return nil, fmt.Errorf("window %d of %v lies in the padding", i, out)
				}
				y[p*positions+i], indices[p*positions+i] = best, int64(p*plane+number[at])
			}
		}
		whole := append(onnxgraph.Shape{shape[0], shape[1]}, out...)
		largest, err := castTo(onnxgraph.NewTensor(whole, y), in[0].DType())
		return []*onnxgraph.Tensor{largest, onnxgraph.NewTensor(whole, indices)}, err
	},
})

// mostTaps bounds the table of where windows meet a plane.
const mostTaps = 1 << 26

// poolGeometry resolves the options, the window and the output's spatial dimensions.
// With ceil_mode a last window may reach past the padding, if it begins before it.
func poolGeometry(n *onnxgraph.Node, x onnxgraph.Shape) (c ConvAttrs, kernel, out onnxgraph.Shape, err error) {
	kernel = n.Attributes.Ints("kernel_shape")
	if len(x) < 3 || len(kernel) != len(x)-2 {
		return c, nil, nil, fmt.Errorf("kernel_shape %v for %v: want X [N C ...] and a size for each dimension after C", kernel, x)
	}
	for _, k := range kernel {
		if k < 1 || k > math.MaxInt16 {
			return c, nil, nil, fmt.Errorf("kernel_shape %v must be from 1 to %d", kernel, math.MaxInt16)
		}
	}
	c, out, err = convGeometry(n, x, append(onnxgraph.Shape{1, 1}, kernel...))
	if err != nil {
		return c, nil, nil, err
	}
	spatial := len(kernel)
	for d, size := range x[2:] {
		if size == 0 {
			return c, nil, nil, fmt.Errorf("no largest element in dimension %d of %v", d+2, x)
		}
		if c.Pads[d] >= kernel[d] || c.Pads[d+spatial] >= kernel[d] {
			return c, nil, nil, fmt.Errorf("pads %v must be less than the kernel %v", c.Pads, kernel)
		}
		if size == onnxgraph.Dynamic || n.Attributes.Int("ceil_mode", 0) != 1 {
			continue
		}
		free := size + c.Pads[d] + c.Pads[d+spatial] - c.extent(kernel[d], d)
		if free%c.Strides[d] > 0 && out[d]*c.Strides[d] < size+c.Pads[d] {
			out[d]++
		}
	}
	return c, kernel, out, nil
}

// flatNumbers gives the number of each element of a plane, which lies row by row, in
// a count by rows or, as storage_order 1 asks, by columns.
func flatNumbers(plane onnxgraph.Shape, byColumns bool) []int {
	if !byColumns {
		return span(plane.Size())
	}
	step := make([]int, len(plane))
	for d := range plane {
		step[d] = plane[:d].Size()
	}
	numbers, walk := make([]int, plane.Size()), newOdometer(plane, step)
	for i := range numbers {
		numbers[i] = walk.at[0]
		walk.next()
	}
	return numbers
}
