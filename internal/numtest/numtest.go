// Package numtest holds the tolerances of the tests in one table, by element type
// and kind of computation, and the comparison that applies them. A NaN is always
// a failure.
package numtest

import (
	"fmt"
	"math"
)

// Kind is what stands between two numbers that should be equal.
type Kind int

const (
	// Moved elements are copied: they must be equal.
	Moved Kind = iota
	// Pointwise is a handful of roundings for each element, library functions
	// such as exp and erf included.
	Pointwise
	// Summed is up to some thousands of terms added in another order: products
	// of matrices, convolutions, normalisations, whole small models.
	Summed
	// Difference is a central difference quotient with a step of about 1e-5.
	Difference
)

// tolerances are relative to the largest entry of what is compared.
// The types are spelt as in ONNX text. Machine epsilon is 2.2e-16 for double,
// 1.2e-7 for float, 9.8e-4 for float16 and 7.8e-3 for bfloat16.
var tolerances = map[string]map[Kind]float64{
	"double": {
		Pointwise: 1e-14,
		Summed:    1e-12,
		// The quotient's error is ε²·f''' + 2e-16/ε: about 1e-10 + 2e-11 for
		// derivatives near 1; four digits are left for those that are larger.
		Difference: 1e-6,
	},
	"float": {
		Pointwise: 1e-6,
		Summed:    1e-5,
	},
	"float16":  {Pointwise: 2e-3, Summed: 1e-2},
	"bfloat16": {Pointwise: 1.6e-2, Summed: 8e-2},
}

// Tolerance looks up the table; it panics where the table has no entry, so that a
// new one is written down with its reason. Moved elements of every type have 0.
func Tolerance(dtype string, kind Kind) float64 {
	if kind == Moved {
		return 0
	}
	tol, ok := tolerances[dtype][kind]
	if !ok {
		panic(fmt.Sprintf("numtest: no tolerance for kind %d of %s: add it to the table with its reason", kind, dtype))
	}
	return tol
}

// Compare gives an error that names the worst element where got and want differ by
// more than tol times the largest finite entry of want, so that zeros do not pass for
// small numbers. Infinities must be equal, and so must everything where want is zero
// throughout; a NaN on either side is an error.
func Compare(got, want []float64, tol float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	scale := 0.0
	for _, v := range want {
		if a := math.Abs(v); a > scale && !math.IsInf(v, 0) {
			scale = a
		}
	}
	worst, at := 0.0, -1
	for i := range got {
		if got[i] == want[i] {
			continue
		}
		d := math.Abs(got[i] - want[i])
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return fmt.Errorf("element %d is %g, want %g", i, got[i], want[i])
		}
		if d > worst {
			worst, at = d, i
		}
	}
	if worst > tol*scale {
		return fmt.Errorf("element %d is %.9g, want %.9g: |Δ| = %.3g exceeds %g of the largest entry %.3g", at, got[at], want[at], worst, tol, scale)
	}
	return nil
}
