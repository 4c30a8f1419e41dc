package evaluation

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Product multiplies blocks of features.
type Product interface {
	// Mul sets dst [m n] to the dot products of the rows of a [m dim] and b [n dim].
	Mul(dst, a, b []float32, m, n, dim int) error
}

// BLAS is gonum's matrix product: pure Go, on all processors. Every entry is
// summed in the same order whatever the block, so equal images tie exactly.
type BLAS struct{}

// Mul is dst = a·bᵀ.
func (BLAS) Mul(dst, a, b []float32, m, n, dim int) error {
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: m, Cols: dim, Stride: dim, Data: a},
		blas32.General{Rows: n, Cols: dim, Stride: dim, Data: b},
		0, blas32.General{Rows: m, Cols: n, Stride: n, Data: dst})
	return nil
}
