package op_test

import (
	"errors"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// TestErrors gives constructors operands that do not fit: the message must name
// the operator and the operands with their shapes, say why, and point here.
func TestErrors(t *testing.T) {
	const D = onnxgraph.Dynamic
	for _, c := range []struct {
		name   string
		shapes [][]int
		f      func(x []*onnxgraph.Value)
		want   string
	}{
		{"broadcast", [][]int{{2, 3}, {2, 4}}, func(x []*onnxgraph.Value) { op.Add(x[0], x[1]) },
			"Add(float[2 3] a, float[2 4] b): shapes [2 3] and [2 4] do not broadcast"},
		{"element types", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Mul(x[0], integers(x[0], []int{2}, 1, 2)) },
			"element types differ: float and int64"},
		{"condition", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Where(x[0], x[0], x[0]) }, "the condition is of type float, want bool"},
		{"inner dimensions", [][]int{{2, 3}, {4, 5}}, func(x []*onnxgraph.Value) { op.MatMul(x[0], x[1]) }, "3 columns against 4 rows"},
		{"scalar matrix", [][]int{{}, {4, 5}}, func(x []*onnxgraph.Value) { op.MatMul(x[0], x[1]) }, "a scalar is no matrix"},
		{"Gemm of a batch", [][]int{{2, 3, 4}, {4, 5}}, func(x []*onnxgraph.Value) { op.Gemm(x[0], x[1], nil, false, false) }, "must be matrices"},
		{"Gemm flags", [][]int{{3, 4}, {4, 5}}, func(x []*onnxgraph.Value) { op.Gemm(x[0], x[1], nil, true, false) }, "inner dimensions differ: 3 and 4"},
		{"Gemm bias", [][]int{{3, 4}, {4, 5}, {4}}, func(x []*onnxgraph.Value) { op.Gemm(x[0], x[1], x[2], false, false) }, "C [4] does not broadcast to [3 5]"},
		{"permutation", [][]int{{2, 3}}, func(x []*onnxgraph.Value) { op.Transpose(x[0], 0, 0) }, "[0 0] is no permutation of 2 dimensions"},
		{"reshape", [][]int{{2, 3}}, func(x []*onnxgraph.Value) { op.Reshape(x[0], 4, -1) }, "6 elements do not divide by 4"},
		{"axis", [][]int{{2, 3}}, func(x []*onnxgraph.Value) { op.ReduceMean(x[0], false, 2) }, "axis 2 is outside [-2, 1]"},
		{"flatten axis", [][]int{{2, 3}}, func(x []*onnxgraph.Value) { op.Flatten(x[0], 3) }, "axis 3 is outside [-2, 2]"},
		{"squeeze", [][]int{{2, 3}}, func(x []*onnxgraph.Value) { op.Squeeze(x[0], 1) }, "cannot squeeze dimension 1 of [2 3]: it is 3, not 1"},
		{"squeeze the unknown", [][]int{{D, 1}}, func(x []*onnxgraph.Value) { op.Squeeze(x[0]) }, "cannot squeeze [? 1] without axes"},
		{"unsqueeze twice", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Unsqueeze(x[0], 0, -3) }, "axis 0 is listed twice"},
		{"concat", [][]int{{2, 3}, {3, 2}}, func(x []*onnxgraph.Value) { op.Concat(0, x...) }, "differ beside axis 0"},
		{"split", [][]int{{5, 2}}, func(x []*onnxgraph.Value) { op.Split(x[0], 0, 2, 2) }, "sizes [2 2] do not add up to dimension 0 of [5 2]"},
		{"step", [][]int{{5}}, func(x []*onnxgraph.Value) { op.SliceN(x[0], []int{0}, []int{0}, []int{5}, []int{0}) }, "the step along axis 0 is 0"},
		{"lists of a slice", [][]int{{5}}, func(x []*onnxgraph.Value) { op.SliceN(x[0], []int{0}, []int{0, 1}, []int{5}, nil) }, "2 starts, 1 ends, 1 axes"},
		{"index", [][]int{{5}}, func(x []*onnxgraph.Value) { op.Gather(x[0], integers(x[0], nil, 5), 0) }, "index 5 is outside a dimension of 5"},
		{"float indices", [][]int{{5}, {2}}, func(x []*onnxgraph.Value) { op.Gather(x[0], x[1], 0) }, "input indices is of type float"},
		{"pads", [][]int{{5, 2}}, func(x []*onnxgraph.Value) { op.Pad(x[0], []int{1, 1}, 0) }, "2 pads for 2 dimensions"},
		{"pads that cut all", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Pad(x[0], []int{-2, -1}, 0) }, "cut more than dimension 0 of [2]"},
		{"repeats", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Tile(x[0], 1, 2) }, "2 repeats for 1 dimensions"},
		{"logic of numbers", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Not(x[0]) }, "want bool, got float"},
		{"limit", [][]int{{2}, {2}}, func(x []*onnxgraph.Value) { op.Clip(x[0], x[1], nil) }, "the limit b is of shape [2], want a scalar"},
		{"cast to string", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Cast(x[0], onnxgraph.String) }, "cannot cast float to string"},
		{"softmax axis", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Softmax(x[0], 1) }, "axis 1 is outside [-1, 0]"},
		{"softmax gradient's axis", [][]int{{2, 3}, {2, 3}}, func(x []*onnxgraph.Value) {
			onnxgraph.Apply("com.microsoft.SoftmaxGrad_13", onnxgraph.Attributes{"axis": int64(0)}, x...)
		}, "axis 0 is not the last of float[2 3]"},
		{"softmax gradient's shapes", [][]int{{2, 3}, {2, 1}}, func(x []*onnxgraph.Value) { op.SoftmaxGrad(x[0], x[1]) }, "want dY [... D], Y [... D] of one float type"},
		{"log-softmax gradient's ranks", [][]int{{2, 3}, {3}}, func(x []*onnxgraph.Value) { op.LogSoftmaxGrad(x[0], x[1]) }, "want dY [... D], Y [... D] of one float type"},
		{"target", [][]int{{2, 3}, {3, 2}}, func(x []*onnxgraph.Value) { op.SoftTargetCrossEntropy(x[0], x[1]) }, "want logits [N M], target [N M] of one float type"},
		{"norm scale", [][]int{{2, 3}, {2}}, func(x []*onnxgraph.Value) { op.LayerNormalization(x[0], x[1], nil, 1e-6) }, "[2] does not fit the normalised dimensions [3]"},
		{"kernel too large", [][]int{{1, 1, 2, 2}, {1, 1, 3, 3}}, func(x []*onnxgraph.Value) { op.Conv(x[0], x[1], nil, op.ConvAttrs{}) }, "a kernel of 3 does not fit dimension 2 of [1 1 2 2]"},
		{"channels", [][]int{{1, 2, 4, 4}, {1, 3, 3, 3}}, func(x []*onnxgraph.Value) { op.Conv(x[0], x[1], nil, op.ConvAttrs{}) }, "does not fit 2 channels"},
		{"strides", [][]int{{1, 2, 4, 4}, {1, 2, 3, 3}}, func(x []*onnxgraph.Value) {
			op.Conv(x[0], x[1], nil, op.ConvAttrs{Strides: []int{2}})
		}, "strides [2] for 2 spatial dimensions"},
		{"conv bias", [][]int{{1, 2, 4, 4}, {3, 2, 3, 3}, {2}}, func(x []*onnxgraph.Value) { op.Conv(x[0], x[1], x[2], op.ConvAttrs{}) }, "the bias is [2], want [3]"},
		{"batch norm", [][]int{{2, 3}, {2}}, func(x []*onnxgraph.Value) {
			op.BatchNormalization(x[0], x[1], x[1], x[1], x[1], 1e-5)
		}, "want [3], one for each channel"},
		{"K", [][]int{{2, 3}}, func(x []*onnxgraph.Value) { op.TopK(x[0], 4, 1) }, "K 4 does not fit dimension 1 of [2 3]"},
		{"resize mode", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Resize(x[0], []int{3}, op.ResizeAttrs{Mode: "lanczos"}) },
			`mode "lanczos" is none of [nearest linear cubic]`},
		{"resize sizes", [][]int{{2}}, func(x []*onnxgraph.Value) { op.Resize(x[0], []int{3, 3}, op.ResizeAttrs{}) }, "sizes of [2] for 1 dimensions, want [1]"},
		{"range", [][]int{{2}}, func(x []*onnxgraph.Value) {
			zero := op.Scalar(x[0], 0)
			op.Range(zero, op.Scalar(x[0], 1), zero)
		}, "no range from 0 to 1 by 0"},
		{"scatter reduction", [][]int{{3}, {1}}, func(x []*onnxgraph.Value) {
			op.ScatterElements(x[0], integers(x[0], []int{1}, 0), x[1], 0, "mul")
		}, `reduction "mul" is not supported`},
		{"scatter updates", [][]int{{3}, {2}}, func(x []*onnxgraph.Value) {
			op.ScatterElements(x[0], integers(x[0], []int{1}, 0), x[1], 0, "none")
		}, "updates [2] and indices [1] differ in shape"},
		{"slices' indices", [][]int{{3, 4}}, func(x []*onnxgraph.Value) { op.GatherND(x[0], integers(x[0], []int{1, 3}, 0, 0, 0), 0) },
			"the last dimension of indices [1 3] must be from 1 to 2"},
		{"slice outside", [][]int{{3, 4}}, func(x []*onnxgraph.Value) { op.GatherND(x[0], integers(x[0], []int{1, 1}, 3), 0) },
			"index 3 is outside a dimension of 3"},
		{"batch of slices", [][]int{{3, 4}}, func(x []*onnxgraph.Value) { op.GatherND(x[0], integers(x[0], []int{2, 1}, 0, 0), 1) },
			"the first 1 dimensions of data [3 4] and indices [2 1] differ"},
		{"updates of slices", [][]int{{3, 4}, {2, 3}}, func(x []*onnxgraph.Value) {
			op.ScatterND(x[0], integers(x[0], []int{2, 1}, 0, 2), x[1], "none")
		}, "updates are [2 3], want [2 4]"},
		{"pool", [][]int{{1, 2, 4}}, func(x []*onnxgraph.Value) { op.MaxPool(x[0], []int{2, 2}, op.ConvAttrs{}) },
			"kernel_shape [2 2] for [1 2 4]: want X [N C ...] and a size for each dimension after C"},
		{"pool's pads", [][]int{{1, 2, 4}}, func(x []*onnxgraph.Value) {
			op.MaxPool(x[0], []int{2}, op.ConvAttrs{Pads: []int{2, 0}})
		}, "pads [2 0] must be less than the kernel [2]"},
		{"regions", [][]int{{1, 2, 4, 4}, {3, 5}}, func(x []*onnxgraph.Value) {
			op.RoiAlign(x[0], x[1], integers(x[0], []int{3}, 0, 0, 0), op.RoiAlignAttrs{Height: 7, Width: 7})
		}, "want floats X [N C H W], rois [R 4] of the same type and int64 batch_indices [R]"},
		{"bins", [][]int{{1, 2, 4, 4}, {1, 4}}, func(x []*onnxgraph.Value) {
			op.RoiAlign(x[0], x[1], integers(x[0], []int{1}, 0), op.RoiAlignAttrs{Height: 7})
		}, "7 by 0 bins: want 1 to 1024 each"},
		{"image of a region", [][]int{{1, 2, 4, 4}, {1, 4}}, func(x []*onnxgraph.Value) {
			op.RoiAlign(x[0], x[1], integers(x[0], []int{1}, 1), op.RoiAlignAttrs{Height: 7, Width: 7})
		}, "image 1 is outside a batch of 1"},
		{"boxes to suppress", [][]int{{1, 5, 4}, {1, 2, 6}}, func(x []*onnxgraph.Value) { op.NonMaxSuppression(x[0], x[1], 5, 0.5, 0) },
			"want floats boxes [B N 4] and scores [B C N]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := onnxgraph.Build("errors", func(g *onnxgraph.Graph) {
				x := make([]*onnxgraph.Value, len(c.shapes))
				for i, shape := range c.shapes {
					x[i] = g.Input(string(rune('a'+i)), onnxgraph.Float32, shape...)
				}
				c.f(x)
			})
			var fault *onnxgraph.Error
			if !errors.As(err, &fault) {
				t.Fatalf("got %v, want an *onnxgraph.Error", err)
			}
			for _, part := range []string{c.want, "onnxgraph: ", "float[", " at errors_test.go:"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("message %q lacks %q", err, part)
				}
			}
		})
	}
}
