package tasks

import (
	"math"
	"slices"
	"testing"

	"pmx/onnxgraph"
)

// TestDropPathMask: the share of dropped branches grows linearly with depth,
// what stays is scaled so that the mean is 1, and every entry is one or the other.
func TestDropPathMask(t *testing.T) {
	const depth, rows, last = 4, 500, 0.3
	d := newDropPathMasks(7, last, depth, rows)
	const steps = 20
	dropped := make([]int, depth*2)
	for step := range int64(steps) {
		mask := d.draw(step)
		if !mask.Shape().Equal([]int{depth, 2, rows}) {
			t.Fatalf("mask %v", mask)
		}
		for i, v := range onnxgraph.Data[float32](mask) {
			block := i / (2 * rows)
			rate := last * float64(block) / (depth - 1)
			switch v {
			case 0:
				dropped[i/rows]++
			case float32(1 / (1 - rate)):
			default:
				t.Fatalf("step %d, entry %d of block %d is %g, want 0 or %g", step, i, block, v, 1/(1-rate))
			}
		}
	}
	for i, n := range dropped {
		rate := last * float64(i/2) / (depth - 1)
		const draws = steps * rows
		// Five standard deviations of a binomial: one false alarm in two million.
		if limit := 5 * math.Sqrt(draws*rate*(1-rate)); !(math.Abs(float64(n)-draws*rate) <= limit) {
			t.Errorf("block %d, branch %d: dropped %d of %d, want %.0f ± %.0f", i/2, i%2, n, draws, draws*rate, limit)
		}
	}
}

// TestDropPathFromSeedAndStep: a mask does not depend on those drawn before it,
// and steps and seeds differ from each other.
func TestDropPathFromSeedAndStep(t *testing.T) {
	draw := func(seed uint64, at ...int64) (last []float32) {
		d := newDropPathMasks(seed, .5, 3, 64)
		for _, s := range at {
			last = slices.Clone(onnxgraph.Data[float32](d.draw(s)))
		}
		return last
	}
	if !slices.Equal(draw(1, 0, 1, 2, 41), draw(1, 41)) {
		t.Error("the mask of step 41 depends on what was drawn before")
	}
	base := draw(1, 41)[2*64:] // nothing is dropped in the first block
	for name, other := range map[string][]float32{"step 42": draw(1, 42), "step 40": draw(1, 40), "seed 2": draw(2, 41)} {
		same := 0
		for i, v := range other[2*64:] {
			if v == base[i] {
				same++
			}
		}
		// By chance 5/8 of 128 entries at rate .25 and 1/2 of 128 at .5 agree: 144 ± 8. Six deviations.
		if same < 96 || same > 192 {
			t.Errorf("%s agrees in %d of 256 entries", name, same)
		}
	}
}
