package evaluation

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Product multiplies blocks of features.
type Product interface {
	// Mul sets dst [m n] to the dot products of the rows of a [m dim] and b [n dim].
	Mul(dst, a, b []float32, m, n, dim int) error
	// Error is how far, at most, a dot product of two rows of length 1 and dim
	// numbers is from the true one.
	Error(dim int) float64
}

// BLAS is gonum's matrix product: pure Go, on all processors.
type BLAS struct{}

// Mul is dst = a·bᵀ.
func (BLAS) Mul(dst, a, b []float32, m, n, dim int) error {
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: m, Cols: dim, Stride: dim, Data: a},
		blas32.General{Rows: n, Cols: dim, Stride: dim, Data: b},
		0, blas32.General{Rows: m, Cols: n, Stride: n, Data: dst})
	return nil
}

// Error is that of float32.
func (BLAS) Error(dim int) float64 { return float32Error(dim) }

// float32Error bounds a sum of dim products in float32, in any order and with or
// without fused multiply-add: n·u/(1-n·u) times the product of the lengths (Higham,
// Accuracy and Stability of Numerical Algorithms, section 3.1). A hundredth more is
// for lengths that are not quite 1.
func float32Error(dim int) float64 {
	nu := float64(dim) * 0x1p-24
	if nu >= 1 {
		return math.Inf(1)
	}
	return 1.01 * nu / (1 - nu)
}

// dot is the product in float64, summed in one order. The products of float32
// numbers are exact there, so that every processor finds the same bits.
func dot(a, b []float32) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float64(a[i]) * float64(b[i])
		s1 += float64(a[i+1]) * float64(b[i+1])
		s2 += float64(a[i+2]) * float64(b[i+2])
		s3 += float64(a[i+3]) * float64(b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float64(a[i]) * float64(b[i])
	}
	return (s0 + s1) + (s2 + s3)
}
