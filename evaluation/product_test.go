package evaluation

import (
	"math"
	"slices"
	"testing"

	"pmx/internal/require"
	"pmx/runtimes"
)

// TestProductError: sums that lose all but their first term, and factors that lose
// their last bits, stay within the bound.
func TestProductError(t *testing.T) {
	const dim = 4096
	row := make([]float32, dim)
	row[0] = 1 // one, then many whose products are half of its last bit
	for i := 1; i < dim; i++ {
		row[i] = 0x1p-12
	}
	exact := 1 + (dim-1)*0x1p-24
	if got := dot(row, row); got != exact {
		t.Errorf("dot gives %.17g, want %.17g", got, exact)
	}
	var naive float32
	for _, v := range row {
		naive += v * v
	}
	for name, p := range map[string]Product{"blas": BLAS{}, "cpu": &RuntimeProduct{device: "cpu"}} {
		if bound := p.Error(dim); !(exact-float64(naive) <= bound) || bound > 1.02*dim*0x1p-24 {
			t.Errorf("%s: the bound is %g, a sum is off by %g", name, bound, exact-float64(naive))
		}
	}
	// Both factors rounded to 10 bits, as far off as that can be.
	x := 1 + 0x1p-11
	if bound := (&RuntimeProduct{device: "cuda"}).Error(1); !(x*x-1 <= bound) {
		t.Errorf("cuda: the bound is %g, a product is off by %g", bound, x*x-1)
	}
}

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
	for _, name := range runtimes.RuntimeNames() {
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
	r, err := runtimes.LookupRuntime(runtime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Version(runtimes.Options{}); err != nil {
		require.Missing(t, err)
	}
	p, err := NewRuntimeProduct(r, runtimes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}
