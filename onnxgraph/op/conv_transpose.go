package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// ConvTranspose is the transpose of Conv as a linear map of x: each element of
// x [N G·C ...] adds a kernel of w [G·C O k...], plus the bias b [G·O], which may
// be nil:
//
//	y[n o  i·stride + k·dilation - pad] += w[c o k] · x[n c i]
//
//	dX = conv(dY, W),  dW = dY correlated with X,  dB = Σ dY
//
// https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
func ConvTranspose(x, w, b *onnxgraph.Value, c ConvAttrs) *onnxgraph.Value {
	return onnxgraph.Apply("ConvTranspose", c.attributes(), x, w, b)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "ConvTranspose", SinceVersion: 11, Inputs: []string{"X", "W", "B?"}, Outputs: []string{"Y"},
	Infer: floatOnly(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, w := n.Inputs[0], n.Inputs[1]
		channels := 0
		if w.Rank() > 1 {
			channels = w.Shape[1] * n.Attributes.Int("group", 1)
		}
		if err := convOperands(n, channels); err != nil {
			return nil, err
		}
		c, out, err := convTransposeGeometry(n, x.Shape, w.Shape)
		if err != nil {
			return nil, err
		}
		if x.Shape[1] != onnxgraph.Dynamic && x.Shape[1] != w.Shape[0] || w.Shape[0]%c.Group != 0 {
			return nil, fmt.Errorf("W %v in %d groups does not fit %d channels", w.Shape, c.Group, x.Shape[1])
		}
		shape := append(onnxgraph.Shape{x.Shape[0], channels}, out...)
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		fixedConv(n)
		x, w := n.Inputs[0], n.Inputs[1]
		c, _, err := convTransposeGeometry(n, x.Shape, w.Shape)
		if err != nil {
			onnxgraph.Fail("ConvTranspose", n.Inputs, "%v", err)
		}
		back := c
		back.OutputPadding = nil
		dx := []*onnxgraph.Value{
			Conv(dy[0], w, nil, back),
			convWeightGrad(dy[0], x, w.Shape, back),
			convBiasGrad(dy[0]),
		}
		return dx[:len(n.Inputs)]
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shapeX, shapeW := in[0].Shape(), in[1].Shape()
		c, out, err := convTransposeGeometry(n, shapeX, shapeW)
		if err != nil {
			return nil, err
		}
		x, w := onnxgraph.Data[float64](in[0]), onnxgraph.Data[float64](in[1])
		taps := c.taps(out, shapeW[2:], shapeX[2:])
		batch, plane, positions := shapeX[0], out.Size(), shapeX[2:].Size()
		kernels, channels := shapeW[1], shapeW[0]/c.Group
		inner := kernels * shapeW[2:].Size()
		y := make([]float64, batch*c.Group*kernels*plane)
		rows := make([]float64, inner*positions)
		for i := range batch * c.Group {
			group := i % c.Group
			weights := transposed(w[group*channels*inner:(group+1)*channels*inner], channels, inner)
			clear(rows)
			multiplyAdd(rows, weights, x[i*channels*positions:(i+1)*channels*positions], inner, channels, positions)
			image := y[i*kernels*plane : (i+1)*kernels*plane]
			for k := range kernels {
				for r, at := range taps {
					if at >= 0 {
						image[k*plane+at] += rows[k*len(taps)+r]
					}
				}
			}
		}
		if len(in) > 2 {
			addChannels(y, onnxgraph.Data[float64](in[2]), batch, plane)
		}
		return one(onnxgraph.NewTensor(append([]int{batch, c.Group * kernels}, out...), y))
	},
})

// convTransposeGeometry resolves the options, auto_pad and output_shape included,
// and the output's spatial dimensions:
// (in - 1) · stride + extent + output_padding - pads.
func convTransposeGeometry(n *onnxgraph.Node, x, w onnxgraph.Shape) (ConvAttrs, onnxgraph.Shape, error) {
	in, kernel := x[2:], w[2:]
	c, err := convAttrs(n, len(in))
	if err != nil {
		return c, nil, err
	}
	out := make(onnxgraph.Shape, len(in))
	auto, wanted := n.Attributes.Str("auto_pad", "NOTSET"), n.Attributes.Ints("output_shape")
	same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
	if wanted != nil && len(wanted) != len(in) {
		return c, nil, fmt.Errorf("output_shape %v for %d spatial dimensions", wanted, len(in))
	}
	for d, size := range in {
		full := (size-1)*c.Strides[d] + c.extent(kernel[d], d) + c.OutputPadding[d]
		switch {
		case size == onnxgraph.Dynamic:
			out[d] = onnxgraph.Dynamic
			continue
		case wanted != nil:
			out[d] = wanted[d]
		case same:
			out[d] = size * c.Strides[d]
		default:
			out[d] = full - c.Pads[d] - c.Pads[d+len(in)]
		}
		if wanted != nil || same {
			// Without auto_pad the odd row goes before, unlike in Conv.
			if auto != "SAME_UPPER" {
				auto = "SAME_LOWER"
			}
			c.Pads[d], c.Pads[d+len(in)] = samePads(auto, full-out[d])
		}
		if out[d] < 1 {
			return c, nil, fmt.Errorf("pads leave nothing of dimension %d of %v", d+2, x)
		}
	}
	return c, out, nil
}
