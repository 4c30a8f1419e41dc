package detect

import (
	"math"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// Initial weights, as detectron2 draws them.
var (
	// byFanIn is PyTorch's default of convolutions, uniform in ±1/√in.
	byFanIn = builders.Uniform(func(s onnxgraph.Shape) float64 { return 1 / math.Sqrt(float64(s[1:].Size())) })
	// xavierFill is c2_xavier_fill, uniform in ±√(3/in).
	xavierFill = builders.Uniform(func(s onnxgraph.Shape) float64 { return math.Sqrt(3 / float64(s[1:].Size())) })
)

// biasByFanIn is PyTorch's default of the bias of a transposed convolution [in out 2 2],
// whose fan in it counts as 4·out.
func biasByFanIn(out int) builders.Initializer {
	return builders.Uniform(func(onnxgraph.Shape) float64 { return 1 / math.Sqrt(float64(4*out)) })
}

// msraFill is c2_msra_fill of a kernel [out in k k], normal with variance 2/(out·k·k).
func msraFill(out, kernel int) builders.Initializer {
	return builders.Gaussian(math.Sqrt(2 / float64(out*kernel*kernel)))
}

// conv is a convolution of stride 1 that keeps a map's size, with a bias or followed by
// a norm over channels, under detectron2's names: weight, bias, norm.weight, norm.bias.
type conv struct {
	weight, bias *builders.Param // bias nil with a norm
	norm         *builders.LayerNorm
	kernel       int // 1 or 3
}

func newConv(s builders.Scope, in, out, kernel int, norm string, init builders.Initializer) *conv {
	c := &conv{weight: s.Param("weight", init, out, in, kernel, kernel), kernel: kernel}
	if norm == NormNone {
		c.bias = s.Param("bias", builders.Zeros, out)
	} else {
		c.norm = builders.NewLayerNorm(s.Sub("norm"), out)
	}
	return c
}

// forward maps C channels to others.
func (c *conv) forward(m *featureMap) *featureMap {
	y := c.convolve(m)
	if c.norm != nil {
		y = y.withRows(c.norm.Forward(y.Rows()))
	}
	return y
}

func (c *conv) convolve(m *featureMap) *featureMap {
	out := c.weight.Shape[0]
	var bias *onnxgraph.Value
	if c.bias != nil {
		bias = c.bias.Value
	}
	if c.kernel > 1 {
		pad := c.kernel / 2
		return mapOf(op.Conv(m.CHW(), c.weight.Value, bias, op.ConvAttrs{Pads: []int{pad, pad, pad, pad}}))
	}
	if bias == nil {
		bias = op.Fill(c.weight.Value, 0, out)
	}
	return m.withRows(op.Linear(m.Rows(), op.Reshape(c.weight.Value, out, -1), bias))
}

// relu is applied to the form that there is.
func relu(m *featureMap) *featureMap {
	if m.rows != nil {
		return m.withRows(op.Relu(m.rows))
	}
	return mapOf(op.Relu(m.chw))
}

// doubling is a transposed convolution of kernel and stride 2: each pixel becomes four,
// by a product of its row with weight [in out 2 2].
type doubling struct{ weight, bias *builders.Param }

func newDoubling(s builders.Scope, in, out int, init builders.Initializer, bias builders.Initializer) *doubling {
	return &doubling{s.Param("weight", init, in, out, 2, 2), s.Param("bias", bias, out)}
}

// forward halves the map's pixels.
func (d *doubling) forward(m *featureMap) *featureMap {
	in, out := d.weight.Shape[0], d.weight.Shape[1]
	w := op.Reshape(op.Transpose(d.weight.Value, 2, 3, 1, 0), 4*out, in)
	rows := op.Reshape(op.Linear(m.Rows(), w, op.Tile(d.bias.Value, 4)), -1, out)
	return &featureMap{height: m.height, width: m.width, halvings: m.halvings + 1, rows: rows}
}

// halve keeps the largest of each two by two pixels, times times.
func halve(m *featureMap, times int) *featureMap {
	for range times {
		m = mapOf(op.MaxPool(m.CHW(), []int{2, 2}, op.ConvAttrs{Strides: []int{2, 2}}))
	}
	return m
}
