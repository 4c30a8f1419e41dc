package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Conv returns the cross-correlation of x [N G·C ...] with w [O C k...], plus the
// bias b [O], which may be nil:
//
//	y[n o i] = Σ_c Σ_k w[o c k] · x[n c  i·stride + k·dilation - pad] + b[o]
//
//	dX = convTranspose(dY, W),  dW = X correlated with dY,  dB = Σ dY
//
// See convInputGrad and convWeightGrad for which nodes these are.
//
// https://onnx.ai/onnx/operators/onnx__Conv.html
func Conv(x, w, b *onnxgraph.Value, c ConvAttrs) *onnxgraph.Value {
	return onnxgraph.Apply("Conv", c.attributes(), x, w, b)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Conv", SinceVersion: 11, Inputs: []string{"X", "W", "B?"}, Outputs: []string{"Y"},
	Infer: floatOnly(func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x, w := n.Inputs[0], n.Inputs[1]
		channels := 0
		if w.Rank() > 0 {
			channels = w.Shape[0]
		}
		if err := convOperands(n, channels); err != nil {
			return nil, err
		}
		c, out, err := convGeometry(n, x.Shape, w.Shape)
		if err != nil {
			return nil, err
		}
		if x.Shape[1] != onnxgraph.Dynamic && x.Shape[1] != w.Shape[1]*c.Group || w.Shape[0]%c.Group != 0 {
			return nil, fmt.Errorf("W %v in %d groups does not fit %d channels", w.Shape, c.Group, x.Shape[1])
		}
		shape := append(onnxgraph.Shape{x.Shape[0], w.Shape[0]}, out...)
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, nil
	}),
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		fixedConv(n)
		x, w := n.Inputs[0], n.Inputs[1]
		c, _, err := convGeometry(n, x.Shape, w.Shape)
		if err != nil {
			onnxgraph.Fail("Conv", n.Inputs, "%v", err)
		}
		dx := []*onnxgraph.Value{convInputGrad(x, w, dy[0], c), convWeightGrad(x, dy[0], w.Shape, c), convBiasGrad(dy[0])}
		return dx[:len(n.Inputs)]
	}),
	// Each image becomes a matrix with a row for each weight of a kernel, which
	// the kernels multiply (Chellapilla et al. 2006).
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		shapeX, shapeW := in[0].Shape(), in[1].Shape()
		c, out, err := convGeometry(n, shapeX, shapeW)
		if err != nil {
			return nil, err
		}
		x, w := onnxgraph.Data[float64](in[0]), onnxgraph.Data[float64](in[1])
		taps := c.taps(shapeX[2:], shapeW[2:], out)
		batch, plane, positions := shapeX[0], shapeX[2:].Size(), out.Size()
		kernels, channels := shapeW[0]/c.Group, shapeW[1]
		inner := channels * shapeW[2:].Size()
		y := make([]float64, batch*shapeW[0]*positions)
		rows := make([]float64, inner*positions)
		for i := range batch * c.Group {
			image := x[i*channels*plane : (i+1)*channels*plane]
			for k := range channels {
				spread(rows[k*len(taps):(k+1)*len(taps)], image[k*plane:(k+1)*plane], taps)
			}
			group := i % c.Group
			multiplyAdd(y[i*kernels*positions:(i+1)*kernels*positions], w[group*kernels*inner:(group+1)*kernels*inner], rows, kernels, inner, positions)
		}
		if len(in) > 2 {
			addChannels(y, onnxgraph.Data[float64](in[2]), batch, positions)
		}
		return one(onnxgraph.NewTensor(append([]int{batch, shapeW[0]}, out...), y))
	},
})

// spread reads a plane at the taps, 0 outside of it.
func spread(row, plane []float64, taps []int) {
	for i, at := range taps {
		if at < 0 {
			row[i] = 0
		} else {
			row[i] = plane[at]
		}
	}
}

// convGeometry resolves the options, auto_pad included, and the output's spatial
// dimensions: ⌊(in + pads - extent) / stride⌋ + 1.
func convGeometry(n *onnxgraph.Node, x, w onnxgraph.Shape) (ConvAttrs, onnxgraph.Shape, error) {
	in, kernel := x[2:], w[2:]
	c, err := convAttrs(n, len(in))
	if err != nil {
		return c, nil, err
	}
	out := make(onnxgraph.Shape, len(in))
	auto := n.Attributes.Str("auto_pad", "NOTSET")
	for d, size := range in {
		if size == onnxgraph.Dynamic {
			out[d] = onnxgraph.Dynamic
			continue
		}
		extent := c.extent(kernel[d], d)
		if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
			total := ((size+c.Strides[d]-1)/c.Strides[d]-1)*c.Strides[d] + extent - size
			c.Pads[d], c.Pads[d+len(in)] = samePads(auto, total)
		}
		free := size + c.Pads[d] + c.Pads[d+len(in)] - extent
		if free < 0 {
			return c, nil, fmt.Errorf("a kernel of %d does not fit dimension %d of %v", extent, d+2, x)
		}
		out[d] = free/c.Strides[d] + 1
	}
	return c, out, nil
}
