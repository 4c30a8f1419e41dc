package evaluation

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestStandardErrors compares with the spread of simulated accuracies.
func TestStandardErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	const n, trials = 200, 20000
	draw := func(p float64) float64 {
		right := 0
		for range n {
			if rng.Float64() < p {
				right++
			}
		}
		return float64(right) / n
	}
	spread := func(sample func() float64) float64 {
		var sum, squares float64
		for range trials {
			v := sample()
			sum, squares = sum+v, squares+v*v
		}
		return math.Sqrt(squares/trials - sum*sum/trials/trials)
	}
	if got, want := StandardError(0.7, n), spread(func() float64 { return draw(0.7) }); math.Abs(got/want-1) > 0.03 {
		t.Errorf("standard error %g, the spread is %g", got, want)
	}
	if got, want := DifferenceError(0.7, 0.9, n), spread(func() float64 { return draw(0.7) - draw(0.9) }); math.Abs(got/want-1) > 0.03 {
		t.Errorf("standard error of a difference %g, the spread is %g", got, want)
	}
	if StandardError(1, n) != 0 || StandardError(0, n) != 0 {
		t.Error("of 0 or 1 it is 0")
	}
}
