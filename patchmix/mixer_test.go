package patchmix

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pmx/onnxgraph"
)

// TestMixerByDefinition compares Mix with the text of the paper: shuffle the
// patches, exchange the groups between images, undo the shuffle.
func TestMixerByDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ n, c, h, w, patch, m int }{
		{4, 3, 8, 8, 2, 2}, {5, 3, 12, 8, 4, 3}, {3, 1, 6, 6, 2, 2}, {9, 2, 4, 4, 2, 4}, {7, 3, 6, 4, 1, 4}, {2, 3, 4, 4, 4, 1}, {1, 3, 4, 4, 2, 1},
	} {
		T := (c.h / c.patch) * (c.w / c.patch)
		src := make([]float32, c.n*c.c*c.h*c.w)
		for i := range src {
			src[i] = float32(i)
		}
		perm := Permutation(rng, T)
		got := make([]float32, len(src))
		if err := (Mixer{c.patch, c.m}).Mix(got, src, c.n, c.c, c.h, c.w, perm); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		index := func(b, channel, position, y, x int) int {
			columns := c.w / c.patch
			return ((b*c.c+channel)*c.h+position/columns*c.patch+y)*c.w + position%columns*c.patch + x
		}
		want := make([]float32, len(src))
		group := T / c.m
		for b := range c.n {
			for shuffled := range T {
				from := b
				if shuffled < group*c.m {
					from = (b + shuffled/group) % c.n
				}
				for channel := range c.c {
					for y := range c.patch {
						for x := range c.patch {
							want[index(b, channel, perm[shuffled], y, x)] = src[index(from, channel, perm[shuffled], y, x)]
						}
					}
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: not mixed by the definition", c)
		}
		if c.m == 1 && !slices.Equal(got, src) {
			t.Errorf("%+v: a mix of one image differs from it", c)
		}
	}
}

func TestMixerErrors(t *testing.T) {
	for want, c := range map[string]struct{ n, h, w, patch, m int }{
		"batches of at least 2*3-1 = 5":         {4, 8, 8, 2, 3},
		"at most as many images as patches":     {20, 8, 8, 4, 5},
		"make both sides multiples":             {4, 9, 8, 2, 2},
		"mixing images of 9x8":                  {4, 8, 9, 2, 2},
		"mixing 0 images":                       {4, 8, 8, 2, 0},
		"mixing patches of 0 pixels":            {4, 8, 8, 0, 2},
		"mixing images of 0x0":                  {4, 0, 0, 2, 2},
		"mixing 2 images of 1 patches each, ch": {4, 8, 8, 8, 2},
	} {
		size := c.n * 3 * c.h * c.w
		err := Mixer{c.patch, c.m}.Mix(make([]float32, size), make([]float32, size), c.n, 3, c.h, c.w, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", c, err, want)
		}
	}
	x, buf := Mixer{2, 2}, make([]float32, 4*3*4*4)
	for _, perm := range [][]int{{0, 1, 2}, {0, 1, 2, 2}, {0, 1, 2, 4}, {0, 1, 2, -1}} {
		if err := x.Mix(slices.Clone(buf), buf, 4, 3, 4, 4, perm); err == nil {
			t.Errorf("permutation %v is accepted", perm)
		}
	}
	if err := x.Mix(buf[:5], buf, 4, 3, 4, 4, []int{0, 1, 2, 3}); err == nil {
		t.Error("too small a destination is accepted")
	}
}

func TestTargets(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for m := 1; 2*m-1 <= n; m++ {
			for _, e := range []float64{0, .1, 1} {
				mixSource, err1 := MixToSource(n, m, e)
				mixMix, err2 := MixToMix(n, m, e)
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				s, x := mixSource.Float64s(), mixMix.Float64s()
				for b := range n {
					var sumS, sumX float64
					for k := range n {
						sumS += s[b*n+k]
						sumX += x[b*n+k]
						// Two mixes share what both contain: the product of one
						// with the transpose of the other, for e = 0.
						if e == 0 {
							var shared float64
							for j := range n {
								shared += s[b*n+j] * s[k*n+j]
							}
							if !(math.Abs(shared-x[b*n+k]) < 1e-6) {
								t.Errorf("n=%d m=%d: mixes %d and %d share %g, the target is %g", n, m, b, k, shared, x[b*n+k])
							}
						}
					}
					if !(math.Abs(sumS-1) < 1e-6 && math.Abs(sumX-1) < 1e-6) {
						t.Errorf("n=%d m=%d e=%g: row %d sums to %g and %g", n, m, e, b, sumS, sumX)
					}
				}
			}
		}
	}
}

func TestTargetErrors(t *testing.T) {
	for _, f := range []func() (*onnxgraph.Tensor, error){
		func() (*onnxgraph.Tensor, error) { return MixToSource(4, 3, 0) },
		func() (*onnxgraph.Tensor, error) { return MixToMix(4, 3, 0) },
		func() (*onnxgraph.Tensor, error) { return MixToMix(4, 0, 0) },
		func() (*onnxgraph.Tensor, error) { return SourceToSource(0, 0) },
		func() (*onnxgraph.Tensor, error) { return SourceToSource(4, 1.5) },
		func() (*onnxgraph.Tensor, error) { return SourceToSource(4, math.NaN()) },
	} {
		if target, err := f(); err == nil {
			t.Errorf("targets %v where an error is due", target)
		}
	}
}
