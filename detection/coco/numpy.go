package coco

import (
	"fmt"
	"math"
)

// What pycocotools computes through NumPy is computed here in NumPy's order, so
// that the last bit agrees.

// linspace returns n numbers from start to stop, both included, as
// numpy.linspace does: i*step + start, and stop itself at the end. With
// numpy.arange, thresholds would be off by an ulp, and detections exactly at them
// would fall on the other side.
func linspace(start, stop float64, n int) []float64 {
	out := make([]float64, n)
	step := (stop - start) / float64(n-1)
	for i := range out {
		out[i] = float64(float64(i)*step) + start
	}
	out[n-1] = stop
	return out
}

// ThresholdRange returns thresholds from first to last, both included, about step
// apart, by the rule with which COCO's own come about: ThresholdRange(.5, .95, .05)
// are the default IoU thresholds.
func ThresholdRange(first, last, step float64) ([]float64, error) {
	n := math.RoundToEven((last-first)/step) + 1
	const most = 10000
	if !(step > 0 && first <= last && n <= most) {
		return nil, fmt.Errorf("coco: thresholds from %v to %v by %v, the step must be positive and not too small", first, last, step)
	}
	if n == 1 {
		return []float64{first}, nil
	}
	return linspace(first, last, int(n)), nil
}

// mean is numpy.mean of the values above -1, or -1 if there are none.
func mean(values []float64) float64 {
	kept := make([]float64, 0, len(values))
	for _, v := range values {
		if v > absent {
			kept = append(kept, v)
		}
	}
	if len(kept) == 0 {
		return absent
	}
	return pairwiseSum(kept) / float64(len(kept))
}

// pairwiseSum adds in the order of numpy.add.reduce on contiguous float64: blocks
// of up to 128 numbers in eight interleaved sums, larger ranges by halves, cut at
// a multiple of eight.
func pairwiseSum(v []float64) float64 {
	const (
		lanes = 8
		block = 128
	)
	n := len(v)
	if n < lanes {
		var sum float64
		for _, x := range v {
			sum += x
		}
		return sum
	}
	if n <= block {
		r := [lanes]float64(v)
		i := lanes
		for ; i+lanes <= n; i += lanes {
			for k := range r {
				r[k] += v[i+k]
			}
		}
		sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		for _, x := range v[i:] {
			sum += x
		}
		return sum
	}
	half := n / 2
	half -= half % lanes
	return pairwiseSum(v[:half]) + pairwiseSum(v[half:])
}
