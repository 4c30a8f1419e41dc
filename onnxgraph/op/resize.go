package op

import (
	"fmt"
	"math"
	"slices"

	"pmx/onnxgraph"
)

// ResizeAttrs are the options of Resize. The zero value takes the nearest element
// at half-pixel centres, as ONNX does.
type ResizeAttrs struct {
	Mode string // "nearest" (default), "linear" or "cubic"
	// CoordinateTransformation maps a position of the result to one of x:
	// "half_pixel" (default; PyTorch's align_corners=False), "align_corners",
	// "asymmetric", "pytorch_half_pixel" or "tf_crop_and_resize".
	CoordinateTransformation string
	// CubicCoeffA is Keys' a (IEEE Trans. ASSP 29, 1981); 0 means ONNX's default
	// of -0.75, which is PyTorch's; Pillow and TensorFlow take -0.5.
	CubicCoeffA float64
	// NearestMode rounds positions: "round_prefer_floor" (default),
	// "round_prefer_ceil", "floor" or "ceil".
	NearestMode string
	// ExcludeOutside gives cubic weights outside of x to those inside, instead
	// of repeating the border.
	ExcludeOutside bool
}

func (a ResizeAttrs) attributes() onnxgraph.Attributes {
	out := onnxgraph.Attributes{}
	for name, v := range map[string]string{
		"mode": a.Mode, "coordinate_transformation_mode": a.CoordinateTransformation, "nearest_mode": a.NearestMode,
	} {
		if v != "" {
			out[name] = v
		}
	}
	if a.CubicCoeffA != 0 {
		out["cubic_coeff_a"] = float32(a.CubicCoeffA)
	}
	if a.ExcludeOutside {
		out["exclude_outside"] = int64(1)
	}
	return out
}

// Resize interpolates x to another size of each dimension. It has no antialiasing
// (ONNX has it from opset 18). Every mode is a linear map of each axis in turn,
// y = A x, so that dx = Aᵀ dy with the constant matrices of the axes that change.
// https://onnx.ai/onnx/operators/onnx__Resize.html
func Resize(x *onnxgraph.Value, sizes []int, a ResizeAttrs) *onnxgraph.Value {
	return onnxgraph.Apply("Resize", a.attributes(), x, nil, nil, Ints(x, sizes...))
}

// ResizeScale is Resize by a factor for each dimension: the size becomes
// ⌊size · factor⌋.
func ResizeScale(x *onnxgraph.Value, scales []float32, a ResizeAttrs) *onnxgraph.Value {
	factors := x.Graph().Const(onnxgraph.NewTensor([]int{len(scales)}, scales))
	return onnxgraph.Apply("Resize", a.attributes(), x, nil, factors)
}

// ResizeBy is ResizeScale by factors that the graph computes, a float32 vector.
func ResizeBy(x, scales *onnxgraph.Value, a ResizeAttrs) *onnxgraph.Value {
	return onnxgraph.Apply("Resize", a.attributes(), x, nil, scales)
}

var _ = onnxgraph.Register(onnxgraph.OpSchema{
	Name: "Resize", SinceVersion: 13, Inputs: []string{"X", "roi?", "scales?", "sizes?"}, Outputs: []string{"Y"},
	Infer: func(n *onnxgraph.Node) ([]onnxgraph.Type, error) {
		x := n.Inputs[0]
		if err := resizeOperands(n); err != nil {
			return nil, err
		}
		operands := make([]*onnxgraph.Tensor, len(n.Inputs))
		for i, v := range n.Inputs[1:] {
			if v == nil {
				continue
			}
			if operands[i+1] = v.Constant(); operands[i+1] == nil && v.Shape.Size() != 0 {
				return []onnxgraph.Type{{DType: x.DType, Shape: allDynamic(x.Rank())}}, nil
			}
		}
		axes, err := resizeAxes(n, x.Shape, operands)
		if err != nil {
			return nil, err
		}
		shape := make(onnxgraph.Shape, len(axes))
		for i, a := range axes {
			shape[i] = a.out
		}
		return []onnxgraph.Type{{DType: x.DType, Shape: shape}}, nil
	},
	Grad: onnxgraph.Differentiable(func(n *onnxgraph.Node, dy []*onnxgraph.Value) []*onnxgraph.Value {
		x := n.Inputs[0]
		operands := make([]*onnxgraph.Tensor, len(n.Inputs))
		for i, v := range n.Inputs[1:] {
			if v != nil {
				operands[i+1] = v.Constant()
			}
		}
		axes, err := resizeAxes(n, x.Shape, operands)
		if err != nil || !x.Shape.Static() {
			onnxgraph.Fail("Resize", n.Inputs, "gradients need fixed shapes and constant sizes")
		}
		g := dy[0]
		for d, a := range axes {
			if !a.unchanged() {
				g = applyAlong(g, a.matrix(), d)
			}
		}
		dx := make([]*onnxgraph.Value, len(n.Inputs))
		dx[0] = g
		return dx
	}),
	Eval: func(n *onnxgraph.Node, in []*onnxgraph.Tensor) ([]*onnxgraph.Tensor, error) {
		axes, err := resizeAxes(n, in[0].Shape(), in)
		if err != nil {
			return nil, err
		}
		y, shape := in[0].Float64s(), in[0].Shape().Clone()
		outside := map[int][]bool{} // by axis: positions that lie outside of x
		for d, a := range axes {
			if a.unchanged() {
				continue
			}
			y = a.interpolate(y, shape, d)
			shape[d] = a.out
			if a.transformation == "tf_crop_and_resize" {
				outside[d] = a.outside()
			}
		}
		if len(outside) > 0 {
			extrapolate(y, shape, outside, n.Attributes.Float("extrapolation_value", 0))
		}
		return alone(castTo(onnxgraph.NewTensor(shape, y), in[0].DType()))
	},
})

// resizeOperands checks which lists there are and how long they are, which is known
// also of those that are computed in the graph.
func resizeOperands(n *onnxgraph.Node) error {
	rank := n.Inputs[0].Rank()
	given := func(i int) bool {
		return i < len(n.Inputs) && n.Inputs[i] != nil && !n.Inputs[i].Shape.Equal(onnxgraph.Shape{0})
	}
	if given(2) == given(3) {
		return fmt.Errorf("give either scales or sizes")
	}
	if !given(1) && n.Attributes.Str("coordinate_transformation_mode", "") == "tf_crop_and_resize" {
		return fmt.Errorf("tf_crop_and_resize needs a roi of %d numbers", 2*rank)
	}
	for i, length := range []int{0, 2 * rank, rank, rank} {
		if i > 0 && given(i) && !n.Inputs[i].Shape.Fits(onnxgraph.Shape{length}) {
			return fmt.Errorf("%s of %v for %d dimensions, want [%d]", formal(n, i), n.Inputs[i].Shape, rank, length)
		}
	}
	return nil
}

// resizeAxes reads what happens along each axis from roi, scales and sizes.
func resizeAxes(n *onnxgraph.Node, x onnxgraph.Shape, in []*onnxgraph.Tensor) ([]resizeAxis, error) {
	given := func(i int) []float64 {
		if i >= len(in) || in[i] == nil {
			return nil
		}
		return in[i].Float64s()
	}
	roi, scales, sizes := given(1), given(2), given(3)
	common, err := resizeOptions(n.Attributes)
	if err != nil {
		return nil, err
	}
	axes := make([]resizeAxis, len(x))
	for d, size := range x {
		a := common
		a.in = size
		if len(scales) > 0 {
			a.scale, a.out = scales[d], onnxgraph.Dynamic
			if size != onnxgraph.Dynamic {
				a.out = int(math.Floor(float64(size) * a.scale))
				a.length = float64(size) * a.scale
			}
		} else {
			a.out, a.length = int(sizes[d]), sizes[d]
			a.scale = sizes[d] / float64(size)
		}
		if size == 0 || size > 0 && !(a.scale > 0) || a.out != onnxgraph.Dynamic && a.out < 1 {
			return nil, fmt.Errorf("dimension %d of %v would become %d", d, x, a.out)
		}
		if common.transformation == "tf_crop_and_resize" {
			a.start, a.end = roi[d], roi[d+len(x)]
		}
		axes[d] = a
	}
	return axes, nil
}

// applyAlong multiplies a constant matrix [out in] transposed onto one axis of g,
// whose size is out: by MatMul from the right for the last axis, from the left
// for the one before it.
func applyAlong(g *onnxgraph.Value, matrix []float64, axis int) *onnxgraph.Value {
	rows := g.Shape[axis]
	columns := len(matrix) / rows
	last := g.Rank() - 1
	switch {
	case axis == last:
		return MatMul(g, Numbers(g, matrix, rows, columns))
	case axis == last-1:
		return MatMul(Numbers(g, transposed(matrix, rows, columns), columns, rows), g)
	}
	swap := span(g.Rank())
	swap[axis], swap[last] = last, axis
	return Transpose(MatMul(Transpose(g, swap...), Numbers(g, matrix, rows, columns)), swap...)
}

// extrapolate overwrites the elements that lie outside along any axis.
func extrapolate(y []float64, shape onnxgraph.Shape, outside map[int][]bool, value float64) {
	walk := newOdometer(shape)
	for i := range y {
		for d, flags := range outside {
			if flags[walk.index[d]] {
				y[i] = value
			}
		}
		walk.next()
	}
}

// resizeOptions reads and checks the attributes.
func resizeOptions(attributes onnxgraph.Attributes) (resizeAxis, error) {
	a := resizeAxis{
		mode:           attributes.Str("mode", "nearest"),
		transformation: attributes.Str("coordinate_transformation_mode", "half_pixel"),
		nearest:        attributes.Str("nearest_mode", "round_prefer_floor"),
		cubic:          attributes.Float("cubic_coeff_a", -0.75),
		exclude:        attributes.Int("exclude_outside", 0) == 1,
	}
	for _, choice := range []struct {
		name, value string
		known       []string
	}{
		{"mode", a.mode, []string{"nearest", "linear", "cubic"}},
		{"coordinate_transformation_mode", a.transformation, []string{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"}},
		{"nearest_mode", a.nearest, []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
	} {
		if !slices.Contains(choice.known, choice.value) {
			return a, fmt.Errorf("%s %q is none of %v", choice.name, choice.value, choice.known)
		}
	}
	return a, nil
}
