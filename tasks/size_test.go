package tasks_test

import (
	"fmt"
	"strings"
	"testing"

	"pmx/tasks"

	"pmx/builders"
	"pmx/onnxgraph"
)

// TestSizes compares with the step that is built.
func TestSizes(t *testing.T) {
	for _, method := range methods() {
		for _, momentum := range []bool{false, true} {
			for _, crops := range []int{0, 2} {
				c := tasks.Contrastive{
					Method: method.Name, SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 16, PatchSize: 4, Dim: 12, Depth: 3, Heads: 3, MLPRatio: 3}, ProjLayers: 3, PredLayers: 2,
						Hidden: 20, OutDim: 6, Batch: 4, MixNum: builders.IntSet{2}, LocalCrops: crops, LocalSize: 8, MomentumEncoder: momentum,
					}}
				t.Run(fmt.Sprintf("%s momentum=%t crops=%d", method.Name, momentum, crops), func(t *testing.T) { compareSizes(t, c) })
			}
		}
	}
}

func compareSizes(t *testing.T, c tasks.Contrastive) {
	step, err := build(c)
	if err != nil {
		t.Fatal(err)
	}
	sizes := c.Sizes()
	state, largest := 0, 0
	for _, x := range step.State {
		dtype, err := onnxgraph.ParseDType(x.DType)
		if err != nil {
			t.Fatal(err)
		}
		n := onnxgraph.Shape(x.Shape).Size()
		state, largest = state+n*dtype.Size(), max(largest, n)
	}
	if sizes.State != float64(state) || sizes.Largest.Shape.Size() != largest {
		t.Errorf("state of %g bytes, largest tensor %s %v, want %d bytes and %d elements", sizes.State, sizes.Largest.Name, sizes.Largest.Shape, state, largest)
	}
	images := 0
	for _, p := range step.Batch {
		if strings.HasPrefix(p.Name, "view") || strings.HasPrefix(p.Name, "local") || strings.HasPrefix(p.Name, "mixed") {
			images += 4 * onnxgraph.Shape(p.Shape).Size()
		}
	}
	if sizes.Images < float64(images)/2 || sizes.Images > float64(images) { // keys have images of their own
		t.Errorf("images of %g bytes, the batch has %d", sizes.Images, images)
	}
	// What GELU gives in blocks of the query's passes, and the backward pass takes.
	hidden := 0
	for _, n := range step.Model.Graph.Nodes() {
		if !strings.HasSuffix(n.Op.Name, "LinearGelu") || strings.HasPrefix(n.Name, "k_") {
			continue
		}
		if !taken(step.Model.Graph, n.Outputs[0]) {
			t.Errorf("%s is not kept for the backward pass", n.Name)
		}
		hidden += 4 * n.Outputs[0].Shape.Size()
	}
	if sizes.Activations > float64(hidden) || sizes.Activations < .9*float64(hidden) {
		t.Errorf("activations of %g bytes, the graph has %d", sizes.Activations, hidden)
	}
}

// taken reports whether a node of the backward pass takes v.
func taken(g *onnxgraph.Graph, v *onnxgraph.Value) bool {
	for _, n := range g.Nodes() {
		for _, in := range n.Inputs {
			if in == v && strings.Contains(n.Name, "_grad") {
				return true
			}
		}
	}
	return false
}

// TestValidateCounts: sizes that each are allowed do not make an array that has no size.
func TestValidateCounts(t *testing.T) {
	c := tasks.Contrastive{
		Method: "mocov3", SiameseConfig: builders.SiameseConfig{ViTConfig: builders.ViTConfig{ImageSize: 1 << 14, PatchSize: 1, Dim: 1 << 16, Depth: 1, Heads: 1 << 10, MLPRatio: 64}, ProjLayers: 1, PredLayers: 1,
			Hidden: 1, OutDim: 1, Batch: 1 << 16,
		}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "lower batch") {
		t.Errorf("error %v", err)
	}
	c.PatchSize = 1 << 13
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
