package op

import (
	"fmt"

	"pmx/onnxgraph"
)

// Pad puts a constant around x: pads lists how many elements go before each
// dimension, then how many go after each. Negative counts cut. dx = the inner
// part of dy; nothing flows to the constant, as ONNX says.
// https://onnx.ai/onnx/operators/onnx__Pad.html
func Pad(x *onnxgraph.Value, pads []int, value float64) *onnxgraph.Value {
	if value == 0 {
		return onnxgraph.Apply("Pad", nil, x, Ints(x, pads...))
	}
	return onnxgraph.Apply("Pad", nil, x, Ints(x, pads...), Scalar(x, value))
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Pad", SinceVersion: 13, Inputs: []string{"data", "pads", "constant_value?"}, Outputs: []string{"output"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		pads, err := constInts(n, 1)
		if err != nil {
			return nil, err
		}
		if len(n.Inputs) > 2 && n.Inputs[2] != nil {
			value := n.Inputs[2].Type
			if err := sameDType(x.Type, value); err != nil {
				return nil, err
			}
			if !value.Shape.Fits(nil) && !value.Shape.Fits(onnxgraph.Shape{1}) {
				return nil, fmt.Errorf("constant_value is %v, want one number", value.Shape)
			}
		}
		shape, err := paddedShape(x.Shape, pads, n.Attributes.Str("mode", "constant"))
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, err
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		if mode := n.Attributes.Str("mode", "constant"); mode != "constant" {
			onnxgraph.Fail("Pad", n.Inputs, "no gradient for mode %s: gather the border rows instead", mode)
		}
		pads, _ := constInts(n, 1)
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		dx[0] = unpad(dy[0], pads)
		return dx
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		x, pads := in[0], toInts(in[1])
		mode := n.Attributes.Str("mode", "constant")
		shape, err := paddedShape(x.Shape(), pads, mode)
		if err != nil {
			return nil, err
		}
		index := make([][]int, len(shape))
		for d, size := range x.Shape() {
			index[d] = padPositions(mode, size, pads[d], shape[d])
		}
		out := onnxgraph.Zeros(x.DType(), shape)
		if len(in) > 2 && in[2] != nil {
			out = gatherStrided(in[2], shape, make([]int, len(shape)))
		}
		selectOuter(out, x, index)
		return one(out)
	},
})

func paddedShape(x onnxgraph.Shape, pads []int, mode string) (onnxgraph.Shape, error) {
	least, known := map[string]int{"constant": 0, "edge": 1, "reflect": 2}[mode] // elements of a dimension to pad
	if !known {
		return nil, fmt.Errorf("mode %q is none of constant, edge and reflect", mode)
	}
	if len(pads) != 2*len(x) {
		return nil, fmt.Errorf("%d pads for %d dimensions: want one before and one after each", len(pads), len(x))
	}
	out := x.Clone()
	for i, d := range x {
		if before, after := pads[i], pads[i+len(x)]; before != int(int32(before)) || after != int(int32(after)) {
			return nil, fmt.Errorf("pads %d and %d of dimension %d are out of range", before, after, i)
		}
		if d == onnxgraph.Dynamic {
			continue
		}
		if out[i] = d + pads[i] + pads[i+len(x)]; out[i] < 0 {
			return nil, fmt.Errorf("pads %d and %d cut more than dimension %d of %v", pads[i], pads[i+len(x)], i, x)
		}
		if d < least && max(pads[i], pads[i+len(x)]) > 0 {
			return nil, fmt.Errorf("mode %s cannot pad dimension %d of %v", mode, i, x)
		}
	}
	return out, nil
}

// unpad cuts the inner part out of a padded value; a negative pad is padded back.
func unpad(y *onnxgraph.Value, pads []int) *onnxgraph.Value {
	back := make([]int, len(pads))
	for i, p := range pads {
		back[i] = -p
	}
	return Pad(y, back, 0)
}

// padPositions lists where each element of a padded dimension comes from; -1 is
// the constant.
func padPositions(mode string, size, before, length int) []int {
	out := make([]int, length)
	for i := range out {
		at := i - before
		switch {
		case at >= 0 && at < size:
		case mode == "constant":
			at = -1
		case mode == "edge":
			at = min(max(at, 0), size-1)
		default: // reflect: d c b | a b c d | c b a
			period := 2 * (size - 1)
			if at = ((at % period) + period) % period; at >= size {
				at = period - at
			}
		}
		out[i] = at
	}
	return out
}
