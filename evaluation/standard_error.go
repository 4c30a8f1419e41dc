package evaluation

import "math"

// StandardError is that of an accuracy, 0 to 1, on n images: √(p(1-p)/n).
func StandardError(accuracy float64, n int) float64 {
	return math.Sqrt(accuracy * (1 - accuracy) / float64(n))
}

// DifferenceError is the standard error of the difference of two accuracies on n images
// each, as if they were other images. On the same images it is an upper bound wherever
// what one encoder gets right the other gets right more often than not.
func DifferenceError(a, b float64, n int) float64 {
	return math.Hypot(StandardError(a, n), StandardError(b, n))
}
