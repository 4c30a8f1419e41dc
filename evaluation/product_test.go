package evaluation

import (
	"math"
	"slices"
	"testing"

	"pmx/internal/require"
	"pmx/training"
)

// TestRuntimeProduct compares every runtime's product with BLAS and the
// accuracies that come of it.
func TestRuntimeProduct(t *testing.T) {
	bank, queries := clusters(1, 150, 13, 8), clusters(2, 33, 13, 8)
	m, n := queries.Len(), bank.Len()
	want := make([]float32, m*n)
	if err := (BLAS{}).Mul(want, queries.Data, bank.Data, m, n, bank.Dim); err != nil {
		t.Fatal(err)
	}
	accuracies := evaluate(t, KNN{}, bank, queries)
	for _, name := range training.RuntimeNames() {
		t.Run(name, func(t *testing.T) {
			p := openProduct(t, name)
			got := make([]float32, m*n)
			if err := p.Mul(got, queries.Data, bank.Data, m, n, bank.Dim); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				// 13 products of numbers up to 1, each rounded to 2^-24.
				if !(math.Abs(float64(got[i]-want[i])) <= 26*0x1p-24) {
					t.Fatalf("product %d is %g, BLAS has %g", i, got[i], want[i])
				}
			}
			if a := evaluate(t, KNN{Product: p, block: blockSize{10, 100}}, bank, queries); !slices.Equal(a, accuracies) {
				t.Errorf("got %+v, with BLAS %+v", a, accuracies)
			}
		})
	}
}

// openProduct skips where the runtime's library is missing; in CI it fails.
func openProduct(t testing.TB, runtime string) *RuntimeProduct {
	t.Helper()
	r, err := training.LookupRuntime(runtime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Version(training.Options{}); err != nil {
		require.Missing(t, err)
	}
	p, err := NewRuntimeProduct(r, training.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}
