package op

import (
	"fmt"
	"math"
	"slices"

	"pmx/onnxgraph"
)

// Shared pieces of Conv and ConvTranspose, in any number of spatial dimensions.

// ConvAttrs are the options of Conv and ConvTranspose: one entry per spatial
// dimension, nil for the default. Pads lists what goes before each dimension,
// then what goes after each.
type ConvAttrs struct {
	Strides   []int // default 1
	Pads      []int // default 0
	Dilations []int // default 1
	Group     int   // default 1
	// OutputPadding is for ConvTranspose only: rows added at the end of each
	// dimension, default 0.
	OutputPadding []int
}

func (c ConvAttrs) attributes() onnxgraph.Attributes {
	a := onnxgraph.Attributes{}
	for name, v := range map[string][]int{
		"strides": c.Strides, "pads": c.Pads, "dilations": c.Dilations, "output_padding": c.OutputPadding,
	} {
		if v != nil {
			a[name] = onnxgraph.IntsAttr(v...)
		}
	}
	if c.Group > 1 {
		a["group"] = int64(c.Group)
	}
	return a
}

// convAttrs reads a node's options with the defaults filled in for spatial
// dimensions.
func convAttrs(n *onnxgraph.Node, spatial int) (ConvAttrs, error) {
	c := ConvAttrs{
		Strides: n.Attributes.Ints("strides"), Pads: n.Attributes.Ints("pads"),
		Dilations: n.Attributes.Ints("dilations"), Group: n.Attributes.Int("group", 1),
		OutputPadding: n.Attributes.Ints("output_padding"),
	}
	for _, list := range []struct {
		name   string
		v      *[]int
		length int
		fill   int
		least  int
	}{
		{"strides", &c.Strides, spatial, 1, 1}, {"dilations", &c.Dilations, spatial, 1, 1},
		{"pads", &c.Pads, 2 * spatial, 0, 0}, {"output_padding", &c.OutputPadding, spatial, 0, 0},
	} {
		if *list.v == nil {
			*list.v = make([]int, list.length)
			for i := range *list.v {
				(*list.v)[i] = list.fill
			}
		}
		if len(*list.v) != list.length {
			return c, fmt.Errorf("%s %v for %d spatial dimensions: want %d numbers", list.name, *list.v, spatial, list.length)
		}
		for _, v := range *list.v {
			if v < list.least || v > math.MaxInt32 {
				return c, fmt.Errorf("%s %v must be from %d to %d", list.name, *list.v, list.least, math.MaxInt32)
			}
		}
	}
	if c.Group < 1 {
		return c, fmt.Errorf("group is %d, want at least 1", c.Group)
	}
	return c, nil
}

// extent is the number of input positions that a kernel covers.
func (c ConvAttrs) extent(kernel, d int) int { return (kernel-1)*c.Dilations[d] + 1 }

// samePads resolves the attribute auto_pad SAME_UPPER or SAME_LOWER, where total
// rows of padding are needed along a dimension: the odd one goes after or before.
func samePads(auto string, total int) (before, after int) {
	total = max(total, 0)
	if auto == "SAME_LOWER" {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

// convOperands checks what Conv and ConvTranspose have in common: x [N C ...],
// w of the same rank, maybe a bias of the given number of channels.
func convOperands(n *onnxgraph.Node, channels int) error {
	x, w := n.Inputs[0], n.Inputs[1]
	if x.Rank() < 3 || w.Rank() != x.Rank() {
		return fmt.Errorf("want X [N C ...] and W of the same rank, at least 3")
	}
	if !w.Shape.Static() || w.Shape.Size() == 0 {
		return fmt.Errorf("the kernel's shape %v must be fixed and not empty", w.Shape)
	}
	for _, v := range n.Inputs[1:] {
		if err := sameDType(x.Type, v.Type); err != nil {
			return err
		}
	}
	if kernel := n.Attributes.Ints("kernel_shape"); kernel != nil && !onnxgraph.Shape(kernel).Equal(w.Shape[2:]) {
		return fmt.Errorf("kernel_shape %v differs from W %v", kernel, w.Shape)
	}
	if len(n.Inputs) > 2 && !n.Inputs[2].Shape.Fits(onnxgraph.Shape{channels}) {
		return fmt.Errorf("the bias is %v, want [%d]", n.Inputs[2].Shape, channels)
	}
	return nil
}

// taps lists, for each position of the kernel and then each output position, the
// input position that the two meet at, or -1 outside of the input:
// input = output·stride + kernel·dilation - pad.
func (c ConvAttrs) taps(in, kernel, out onnxgraph.Shape) []int {
	step := strides(in)
	table := make([]int, 0, kernel.Size()*out.Size())
	k, o := newOdometer(kernel), newOdometer(out)
	for range kernel.Size() {
		for range out.Size() {
			at := 0
			for d := range in {
				i := o.index[d]*c.Strides[d] + k.index[d]*c.Dilations[d] - c.Pads[d]
				if i < 0 || i >= in[d] {
					at = -1
					break
				}
				at += i * step[d]
			}
			table = append(table, at)
			o.next()
		}
		k.next()
	}
	return table
}

// addChannels adds bias[c] to each channel of y [N C spatial].
func addChannels(y, bias []float64, batch, spatial int) {
	for i := range batch * len(bias) {
		b := bias[i%len(bias)]
		row := y[i*spatial : (i+1)*spatial]
		for k := range row {
			row[k] += b
		}
	}
}

// convInputGrad is the cotangent of x of a convolution with w that gave y. At stride 1
// that is a convolution of dy with the kernel flipped and its channels exchanged, which
// runtimes compute faster than ConvTranspose; else it is that.
func convInputGrad(x, w, dy *onnxgraph.Value, c ConvAttrs) *onnxgraph.Value {
	spatial := x.Rank() - 2
	pads := make([]int, 2*spatial)
	flippable := c.Group == 1
	for d := range spatial {
		reach := c.extent(w.Shape[d+2], d) - 1
		pads[d], pads[d+spatial] = reach-c.Pads[d], reach-c.Pads[d+spatial]
		flippable = flippable && c.Strides[d] == 1 && pads[d] >= 0 && pads[d+spatial] >= 0
	}
	if flippable {
		return Conv(dy, flippedKernel(w), nil, ConvAttrs{Pads: pads, Dilations: c.Dilations})
	}
	back := c
	back.OutputPadding = make([]int, spatial)
	for d := range spatial { // input rows past the last kernel
		covered := (dy.Shape[d+2]-1)*c.Strides[d] + c.extent(w.Shape[d+2], d)
		back.OutputPadding[d] = x.Shape[d+2] + c.Pads[d] + c.Pads[d+spatial] - covered
	}
	return ConvTranspose(dy, w, nil, back)
}

// flippedKernel is w [O C k...] as [C O k...], the kernels' positions in reverse.
func flippedKernel(w *onnxgraph.Value) *onnxgraph.Value {
	axes := span(w.Rank())[2:]
	starts, ends, steps := make([]int, len(axes)), make([]int, len(axes)), make([]int, len(axes))
	for i := range axes {
		starts[i], ends[i], steps[i] = -1, math.MinInt64, -1
	}
	order := span(w.Rank())
	order[0], order[1] = 1, 0
	return Transpose(SliceN(w, axes, starts, ends, steps), order...)
}

// convWeightGrad is the cotangent of the kernel of a convolution of x that gave y: the
// correlation of x with dy over batch and positions. At stride 1 that is one product
// for each position of the kernel, else a convolution.
func convWeightGrad(x, dy *onnxgraph.Value, weight onnxgraph.Shape, c ConvAttrs) *onnxgraph.Value {
	if c.Group == 1 && onnxgraph.Shape(c.Strides).Size() == 1 {
		return convWeightGradByPosition(x, dy, weight, c)
	}
	return convWeightGradByConv(x, dy, weight, c)
}

// convWeightGradByPosition is convWeightGrad at stride 1: with dY as [O N·positions],
// and at each position k of the kernel the elements of X that it meets as
// [N·positions C],
//
//	dW[: : k] = dY X_k
func convWeightGradByPosition(x, dy *onnxgraph.Value, weight onnxgraph.Shape, c ConvAttrs) *onnxgraph.Value {
	spatial := x.Rank() - 2
	if slices.Max(c.Pads) > 0 {
		around := slices.Concat([]int{0, 0}, c.Pads[:spatial], []int{0, 0}, c.Pads[spatial:])
		x = Pad(x, around, 0)
	}
	last, first := span(x.Rank()), span(x.Rank())
	last = append(append(last[:1:1], last[2:]...), 1) // channels behind the positions
	first[0], first[1] = 1, 0                         // channels before the images
	x = Transpose(x, last...)
	dy2 := Reshape(Transpose(dy, first...), weight[0], -1)
	kernel, out, axes := weight[2:], dy.Shape[2:], span(spatial + 1)[1:]
	positions := make([]*onnxgraph.Value, kernel.Size())
	k := newOdometer(kernel)
	for i := range positions {
		starts, ends := make([]int, spatial), make([]int, spatial)
		for d := range spatial {
			starts[d] = k.index[d] * c.Dilations[d]
			ends[d] = starts[d] + out[d]
		}
		met := Reshape(SliceN(x, axes, starts, ends, nil), -1, weight[1])
		positions[i] = Unsqueeze(MatMul(dy2, met), 0)
		k.next()
	}
	return Reshape(Transpose(Concat(0, positions...), 1, 2, 0), weight...)
}

// convWeightGradByConv is convWeightGrad as a convolution of x by dy with batch and
// channels exchanged and strides and dilations exchanged, per group:
//
//	x  [N G·C ...] -> [C G·N ...]      dy [N G·O ...] -> [G·O N ...]
func convWeightGradByConv(x, dy *onnxgraph.Value, weight onnxgraph.Shape, c ConvAttrs) *onnxgraph.Value {
	batch, spatial := x.Shape[0], x.Shape[2:]
	swap := span(x.Rank())
	swap[0], swap[1] = 1, 0
	input := x
	if c.Group > 1 {
		channels := x.Shape[1] / c.Group
		input = Reshape(x, append([]int{batch, c.Group, channels}, spatial...)...)
		order := span(input.Rank())
		order[0], order[1], order[2] = 2, 1, 0
		input = Reshape(Transpose(input, order...), append([]int{channels, c.Group * batch}, spatial...)...)
	} else {
		input = Transpose(x, swap...)
	}
	dw := Conv(input, Transpose(dy, swap...), nil,
		ConvAttrs{Strides: c.Dilations, Dilations: c.Strides, Pads: c.Pads, Group: c.Group})
	// A stride that does not divide leaves input rows that met no output: the
	// correlation has as many positions too many.
	axes, starts, ends := []int{}, []int{}, []int{}
	for d, k := range weight[2:] {
		if dw.Shape[d+2] != k {
			axes, starts, ends = append(axes, d+2), append(starts, 0), append(ends, k)
		}
	}
	if len(axes) > 0 {
		dw = SliceN(dw, axes, starts, ends, nil)
	}
	return Transpose(dw, swap...)
}

// convBiasGrad sums dy over all but the channels.
func convBiasGrad(dy *onnxgraph.Value) *onnxgraph.Value {
	return ReduceSum(dy, false, append([]int{0}, span(dy.Rank())[2:]...)...)
}

// fixedConv refuses a gradient where sizes are not known.
func fixedConv(n *onnxgraph.Node) {
	if !n.Inputs[0].Shape.Static() {
		onnxgraph.Fail(n.Op.ID(), n.Inputs, "gradients need fixed shapes")
	}
}
