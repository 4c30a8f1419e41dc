package op_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pmx/onnxgraph"
	"pmx/onnxgraph/autodiff"
	"pmx/onnxgraph/op"
)

// TestGradientNodes pins which nodes a gradient costs, since that is what a
// runtime pays: transposes by Gemm's flags, fused operators where a runtime may
// have a kernel, one pass to put back what was taken.
func TestGradientNodes(t *testing.T) {
	for _, c := range []struct {
		name   string
		shapes [][]int
		f      func(x []*onnxgraph.Value) *onnxgraph.Value
		want   string // operators of the backward pass, sorted
	}{
		{"Gemm", [][]int{{6, 4}, {5, 4}, {5}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Gemm(x[0], x[1], x[2], false, true)
		}, "Gemm 2, ReduceSum 1"},
		{"MatMul of matrices", [][]int{{6, 4}, {4, 5}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.MatMul(x[0], x[1])
		}, "Gemm 2"},
		{"MatMul of a batch and a matrix", [][]int{{2, 3, 4}, {4, 5}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.MatMul(x[0], x[1])
		}, "Flatten 2, Gemm 2, Reshape 1"},
		{"MatMul of batches", [][]int{{2, 3, 4}, {2, 4, 5}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.MatMul(x[0], x[1])
		}, "MatMul 2, Transpose 2"},
		{"Softmax", [][]int{{2, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value { return op.Softmax(x[0], -1) }, "com.microsoft.SoftmaxGrad_13 1"},
		{"LogSoftmax", [][]int{{2, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value { return op.LogSoftmax(x[0], 1) }, "com.microsoft.LogSoftmaxGrad_13 1"},
		{"Gelu", [][]int{{2, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value { return op.Gelu(x[0]) }, "com.microsoft.GeluGrad 1"},
		{"LayerNormalization", [][]int{{2, 3}, {3}, {3}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			y, _, _ := op.LayerNormalization(x[0], x[1], x[2], 1e-6)
			return y
		}, "com.microsoft.LayerNormalizationGrad 1"},
		{"Slice", [][]int{{5, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value { return op.Slice(x[0], 0, 1, 3) }, "Pad 1"},
		{"Gather of a permutation", [][]int{{3, 2}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Gather(x[0], integers(x[0], []int{3}, 2, 0, 1), 0)
		}, "Gather 1"},
		{"Gather of some rows", [][]int{{4, 2}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Gather(x[0], integers(x[0], []int{2}, 3, 1), 0)
		}, "Gather 1, Pad 1"},
		{"Gather of the class token", [][]int{{2, 5, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Gather(x[0], integers(x[0], nil, 0), 1)
		}, "Pad 1, Reshape 1"},
		{"Gather with repeats", [][]int{{4, 2}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Gather(x[0], integers(x[0], []int{2}, 3, 3), 0)
		}, "ScatterElements 1"},
		{"Conv at stride 1", [][]int{{2, 3, 4, 4}, {5, 3, 2, 1}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Conv(x[0], x[1], nil, op.ConvAttrs{Pads: []int{1, 0, 0, 0}})
		}, "Concat 1, Conv 1, MatMul 2, Pad 1, Reshape 4, Slice 3, Transpose 4, Unsqueeze 2"},
		{"Conv at stride 2", [][]int{{2, 3, 4, 4}, {5, 3, 2, 2}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Conv(x[0], x[1], nil, op.ConvAttrs{Strides: []int{2, 2}})
		}, "Conv 1, ConvTranspose 1, Transpose 3"},
		{"GatherND of rows of each image", [][]int{{2, 5, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.GatherND(x[0], integers(x[0], []int{2, 2, 1}, 3, 1, 0, 0), 1)
		}, "ScatterND 1"},
		{"MaxPool", [][]int{{1, 2, 4, 4}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.MaxPool(x[0], []int{2, 2}, op.ConvAttrs{Strides: []int{2, 2}})
		}, "Reshape 3, ScatterElements 1"},
		{"RoiAlign of two regions of each image", [][]int{{2, 3, 4, 4}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			rois := constant(x[0], []int{4, 4}, testRegions[:16]...)
			return op.RoiAlign(x[0], rois, integers(x[0], []int{4}, 0, 0, 1, 1), op.RoiAlignAttrs{Height: 2, Width: 2})
		}, "Reshape 1, pmx.RoiAlignGrad 1"},
		{"Concat", [][]int{{1, 3}, {4, 3}}, func(x []*onnxgraph.Value) *onnxgraph.Value { return op.Concat(0, x...) }, "Split 1"},
		{"Add of a bias", [][]int{{4, 3}, {3}}, func(x []*onnxgraph.Value) *onnxgraph.Value { return op.Add(x[0], x[1]) }, "ReduceSum 1"},
		{"Resize", [][]int{{1, 2, 4, 4}}, func(x []*onnxgraph.Value) *onnxgraph.Value {
			return op.Resize(x[0], []int{1, 2, 6, 6}, op.ResizeAttrs{Mode: "cubic"})
		}, "MatMul 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := onnxgraph.Build("nodes", func(g *onnxgraph.Graph) {
				x := make([]*onnxgraph.Value, len(c.shapes))
				for i, shape := range c.shapes {
					x[i] = g.Input(fmt.Sprintf("x%d", i), onnxgraph.Float32, shape...)
				}
				y := c.f(x)
				g.Output("y", y)
				u := g.Input("u", onnxgraph.Float32, y.Shape...)
				for i, gx := range autodiff.Pullback([]*onnxgraph.Value{y}, []*onnxgraph.Value{u}, x) {
					g.Output(fmt.Sprintf("gx%d", i), gx)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if g, err = g.Optimize(); err != nil {
				t.Fatal(err)
			}
			if got := backwardNodes(g); got != c.want {
				t.Errorf("the gradient costs %s, want %s\n%v", got, c.want, g)
			}
		})
	}
}

// backwardNodes counts the operators of nodes in scopes ending in _grad. Identity
// only names an output.
func backwardNodes(g *onnxgraph.Graph) string {
	counts := map[string]int{}
	for _, n := range g.Nodes() {
		if strings.Contains(n.Name, "_grad/") && n.Op.Name != "Identity" {
			counts[n.Op.ID()]++
		}
	}
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", id, counts[id]))
	}
	return strings.Join(parts, ", ")
}
