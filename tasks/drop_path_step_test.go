package tasks_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/internal/numtest"
	"pmx/onnxgraph"
)

// masked sets the drop-path mask [depth 2 rows] to zero where off says so.
func masked(off func(block, branch, row int) bool) func(map[string]*onnxgraph.Tensor) {
	return func(feeds map[string]*onnxgraph.Tensor) {
		mask := feeds["drop_path"].Clone()
		rows := mask.Shape()[2]
		for i := range mask.Size() {
			if off(i/(2*rows), i/rows%2, i%rows) {
				onnxgraph.Data[float32](mask)[i] = 0
			}
		}
		feeds["drop_path"] = mask
	}
}

// TestDropPathOfOnes: a step in which nothing is dropped is that without drop path.
func TestDropPathOfOnes(t *testing.T) {
	c := tiny("patchmix")
	s, got := takeStep(t, c, nil)
	c.DropPath = 0
	_, want := takeStep(t, c, nil)
	var names []string
	for _, st := range s.State {
		names = append(names, st.Out)
	}
	for _, name := range append(names, s.Metrics...) {
		if err := numtest.Compare(got[name].Float64s(), want[name].Float64s(), numtest.Tolerance("double", numtest.Summed)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDropPathGradients: what is dropped of all images gets no gradient, and all else
// does.
func TestDropPathGradients(t *testing.T) {
	for _, c := range []struct {
		name    string
		off     func(block, branch, row int) bool
		without []string // beginnings of the parameters without gradient
	}{
		// Without any attention all class tokens, and so all embeddings, would be equal.
		{"everything but one attention", func(block, branch, _ int) bool { return block+branch > 0 },
			[]string{"base_encoder.blocks.0.norm2.", "base_encoder.blocks.0.mlp.", "base_encoder.blocks.1."}},
		{"attention of the first block", func(block, branch, _ int) bool { return block == 0 && branch == 0 },
			[]string{"base_encoder.blocks.0.norm1.", "base_encoder.blocks.0.attn."}},
		{"MLP of the last block", func(block, branch, _ int) bool { return block == 1 && branch == 1 },
			[]string{"base_encoder.blocks.1.norm2.", "base_encoder.blocks.1.mlp."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, out := takeStep(t, tiny("patchmix"), masked(c.off))
			m := moments(s, out)
			for _, name := range slices.Sorted(maps.Keys(m)) {
				dropped := slices.ContainsFunc(c.without, func(p string) bool { return strings.HasPrefix(name, p) })
				size := length(map[string][]float64{name: m[name]})
				switch {
				case dropped && size != 0:
					t.Errorf("%s is dropped and has a gradient of %g", name, size)
				case !dropped && size == 0 && name != "base_encoder.norm.bias": // which the batch norm removes
					t.Errorf("%s is not dropped and has no gradient", name)
				}
			}
		})
	}
}

// TestDropPathRows: each pass of the query encoder has rows of the mask of its own,
// and no key has any.
func TestDropPathRows(t *testing.T) {
	config := tiny("patchmix")
	_, want := takeStep(t, config, nil)
	for first, parts := range [][]string{ // by batch of rows
		{"loss_source"}, {"loss_mix_source", "loss_mix_mix"}, {"loss_multi_source"}, {"loss_multi_mix_source"},
	} {
		_, got := takeStep(t, config, masked(func(_, _, row int) bool { return row/config.Batch == first }))
		for _, name := range []string{"loss_source", "loss_mix_source", "loss_mix_mix", "loss_multi_source", "loss_multi_mix_source"} {
			changed := got[name].Float64s()[0] != want[name].Float64s()[0]
			if changed != slices.Contains(parts, name) {
				t.Errorf("rows of batch %d dropped: %s changes: %t", first, name, changed)
			}
		}
	}
}

func TestDropPathRate(t *testing.T) {
	const last, depth = 0.3, 7
	for block, want := range []float64{0, .05, .1, .15, .2, .25, .3} {
		if got := builders.DropPathRate(last, block, depth); !(math.Abs(got-want) < 1e-15) {
			t.Errorf("block %d of %d: rate %g, want %g", block, depth, got, want)
		}
	}
	if got := builders.DropPathRate(last, 0, 1); got != 0 {
		t.Errorf("a single block: rate %g, want 0", got)
	}
}
