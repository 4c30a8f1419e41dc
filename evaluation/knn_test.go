package evaluation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/onnxgraph"
)

// TestKNNRecorded compares with what numpy and torch find on the same features;
// see testdata/make_knn.py.
func TestKNNRecorded(t *testing.T) {
	list, metadata, err := safetensors.ReadFile("testdata/knn.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]*onnxgraph.Tensor{}
	for _, named := range list {
		tensors[named.Name] = named.Tensor
	}
	var cases map[string][]struct{ K, Top1, Top5 int }
	if err := json.Unmarshal([]byte(metadata["expected"]), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 3 {
		t.Fatalf("%d cases, want 3", len(cases))
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			bank, queries := recorded(tensors, name+"/bank", name+"/bank_labels"), recorded(tensors, name+"/queries", name+"/query_labels")
			var ks []int
			for _, w := range want {
				ks = append(ks, w.K)
			}
			got := evaluate(t, KNN{K: ks}, bank, queries)
			for i, w := range want {
				exact := Accuracy{K: w.K, Top1: float64(w.Top1) / float64(queries.Len()), Top5: float64(w.Top5) / float64(queries.Len())}
				if got[i] != exact {
					t.Errorf("got %+v, want %+v", got[i], exact)
				}
			}
		})
	}
}

// TestKNNBruteForce compares with a classifier that sorts everything in float64,
// over blocks and sets of all proportions.
func TestKNNBruteForce(t *testing.T) {
	for _, size := range []struct{ bank, queries, dim, classes int }{
		{1, 1, 1, 1}, {3, 2, 5, 2}, {250, 40, 8, 30}, {220, 33, 6, 4}, {229, 57, 12, 17}, {40, 64, 4, 100},
	} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			bank, queries := clusters(1, size.bank, size.dim, size.classes), clusters(2, size.queries, size.dim, size.classes)
			ks := []int{1, 7, 20, 200}
			got := evaluate(t, KNN{K: ks}, bank, queries)
			for i, k := range ks {
				if want := bruteForce(bank, queries, k, DefaultTemperature); got[i] != want {
					t.Errorf("got %+v, want %+v", got[i], want)
				}
			}
			for _, block := range []blockSize{{1, 1}, {7, 11}, {32, 220}, {1000, 10}} {
				if blocked := evaluate(t, KNN{K: ks, block: block}, bank, queries); !slices.Equal(blocked, got) {
					t.Errorf("in blocks %+v: got %+v, want %+v", block, blocked, got)
				}
			}
		})
	}
}

func TestKNNProperties(t *testing.T) {
	bank, queries := clusters(1, 300, 10, 12), clusters(2, 70, 10, 12)
	base := evaluate(t, KNN{}, bank, queries)
	if !slices.EqualFunc(base, DefaultK, func(a Accuracy, k int) bool { return a.K == k }) {
		t.Errorf("ks of %+v, want %v", base, DefaultK)
	}
	if a := base[0]; a.Top1 < 0.4 || a.Top1 >= 1 || a.Top5 <= a.Top1 || a.Top5 > 1 {
		t.Errorf("the features are too easy or too hard to test with: %+v", a)
	}

	t.Run("more neighbours than images", func(t *testing.T) {
		got := evaluate(t, KNN{K: []int{300, 301, 100000}}, bank, queries)
		for _, a := range got {
			if a.Top1 != got[0].Top1 || a.Top5 != got[0].Top5 {
				t.Errorf("%+v, with all images %+v", a, got[0])
			}
		}
	})
	t.Run("k in any order, twice", func(t *testing.T) {
		got := evaluate(t, KNN{K: []int{100, 10, 200, 10}}, bank, queries)
		if want := []Accuracy{base[2], base[0], base[3], base[0]}; !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("order of the bank", func(t *testing.T) {
		if got := evaluate(t, KNN{}, pick(bank, rand.New(rand.NewPCG(5, 0)).Perm(300)), queries); !slices.Equal(got, base) {
			t.Errorf("got %+v, want %+v", got, base)
		}
	})
	t.Run("labels with holes", func(t *testing.T) {
		if got := evaluate(t, KNN{}, relabel(bank, 1e12), relabel(queries, 1e12)); !slices.Equal(got, base) {
			t.Errorf("got %+v, want %+v", got, base)
		}
	})
	t.Run("one class", func(t *testing.T) {
		for _, a := range evaluate(t, KNN{}, relabel(bank, 0), relabel(queries, 0)) {
			if a.Top1 != 1 || a.Top5 != 1 {
				t.Errorf("%+v, want 1", a)
			}
		}
	})
	t.Run("itself", func(t *testing.T) {
		if a := evaluate(t, KNN{K: []int{1}}, bank, bank)[0]; a.Top1 != 1 {
			t.Errorf("%+v: an image is its own nearest neighbour", a)
		}
	})
	t.Run("a class that the bank lacks", func(t *testing.T) {
		strangers := relabel(queries, 1)
		for i := range strangers.Labels {
			strangers.Labels[i] = 99
		}
		for _, a := range evaluate(t, KNN{}, bank, strangers) {
			if a.Top1 != 0 || a.Top5 != 0 {
				t.Errorf("%+v, want 0", a)
			}
		}
	})
	t.Run("one neighbour", func(t *testing.T) {
		if a := evaluate(t, KNN{K: []int{1}}, bank, queries)[0]; a.Top5 != a.Top1 || a.Top1 == 1 {
			t.Errorf("%+v: one vote makes no five classes", a)
		}
	})
	t.Run("weights that round to 0 are votes", func(t *testing.T) {
		cold := evaluate(t, KNN{K: []int{300}, Temperature: 1e-6}, bank, queries)[0]
		if five := evaluate(t, KNN{K: []int{300}, Temperature: 1e-6}, bank, relabel(queries, 0))[0]; cold.Top5 <= cold.Top1 || five.Top5 != 1 {
			t.Errorf("%+v; all queries of the lowest class %+v, of which each has a neighbour", cold, five)
		}
	})
	t.Run("low temperature is one neighbour", func(t *testing.T) {
		one := evaluate(t, KNN{K: []int{1}}, bank, queries)[0]
		if got := evaluate(t, KNN{K: []int{200}, Temperature: 1e-6}, bank, queries)[0]; got.Top1 != one.Top1 {
			t.Errorf("got %+v, want top-1 of %+v", got, one)
		}
	})
}

// TestKNNTies: equal images vote in the order of the bank, equal scores go to the
// lower class.
func TestKNNTies(t *testing.T) {
	ones := func(labels ...int) *Features {
		return &Features{Dim: 2, Data: slices.Repeat([]float32{1, 0}, len(labels)), Labels: labels}
	}
	for _, c := range []struct {
		bank []int
		k    int
		wins int
	}{
		{[]int{4, 2, 2}, 1, 4}, {[]int{4, 2, 2}, 2, 2}, {[]int{4, 2, 2}, 3, 2}, {[]int{4, 4, 2, 2}, 3, 4}, {[]int{4, 4, 2, 2}, 4, 2},
	} {
		for _, label := range []int{2, 4} {
			got := evaluate(t, KNN{K: []int{c.k}}, ones(c.bank...), ones(label))[0].Top1
			if want := map[bool]float64{true: 1}[label == c.wins]; got != want {
				t.Errorf("bank %v, k %d, a query of class %d: top-1 %g, want %g", c.bank, c.k, label, got, want)
			}
		}
	}
}

func TestKNNSameOnAnyProcessors(t *testing.T) {
	bank, queries := clusters(1, 1000, 24, 9), clusters(2, 130, 24, 9)
	many := evaluate(t, KNN{}, bank, queries)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if one := evaluate(t, KNN{}, bank, queries); !slices.Equal(one, many) {
		t.Errorf("one processor %+v, several %+v", one, many)
	}
}

func TestKNNProgressAndCancel(t *testing.T) {
	bank, queries := clusters(1, 60, 4, 3), clusters(2, 40, 4, 3)
	ctx, cancel := context.WithCancel(t.Context())
	var calls []int64
	knn := KNN{block: blockSize{20, 30}, Progress: func(done, total int64) {
		if calls = append(calls, done); total != int64(bank.Len()*queries.Len()) {
			t.Errorf("total %d", total)
		}
		if len(calls) == 3 {
			cancel()
		}
	}}
	if _, err := knn.Evaluate(ctx, bank, queries); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if block := int64(20 * 30); !slices.Equal(calls, []int64{block, 2 * block, 3 * block}) {
		t.Errorf("progress %v", calls)
	}
}

func TestKNNErrors(t *testing.T) {
	good := clusters(1, 5, 4, 2)
	for _, c := range []struct {
		name          string
		knn           KNN
		bank, queries *Features
		want          string
	}{
		{"no k", KNN{K: []int{}}, good, good, "no number of neighbours"},
		{"k 0", KNN{K: []int{3, 0}}, good, good, "k is 0"},
		{"temperature", KNN{Temperature: -1}, good, good, "temperature is -1"},
		{"temperature NaN", KNN{Temperature: math.NaN()}, good, good, "temperature is NaN"},
		{"empty bank", KNN{}, &Features{}, good, "bank: there are no features"},
		{"empty queries", KNN{}, good, &Features{Dim: 4}, "queries: there are no features"},
		{"two encoders", KNN{}, good, clusters(1, 5, 3, 2), "have 4 numbers, the queries' 3"},
		{"not of length 1", KNN{}, good, &Features{Dim: 2, Data: []float32{0, 0, 0, 2}, Labels: []int{0, 1}}, "queries: the feature of image 1 has length 2, want 1"},
		{"no labels", KNN{}, good, relabel(good, -1), "has no label"},
		{"short data", KNN{}, good, &Features{Dim: 4, Data: make([]float32, 7), Labels: []int{0, 1}}, "2 images of 4 numbers, but 7"},
		{"failing product", KNN{Product: brokenProduct{}}, good, good, "no device"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.knn.Evaluate(t.Context(), c.bank, c.queries); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

type brokenProduct struct{}

func (brokenProduct) Mul([]float32, []float32, []float32, int, int, int) error {
	return errors.New("no device")
}

func (brokenProduct) Error(int) float64 { return 0 }

// coarse is a product that rounds down to a number of steps between 0 and 1.
type coarse struct{ steps float64 }

func (c coarse) Mul(dst, a, b []float32, m, n, dim int) error {
	err := BLAS{}.Mul(dst, a, b, m, n, dim)
	for i, v := range dst {
		dst[i] = float32(math.Floor(float64(v)*c.steps) / c.steps)
	}
	return err
}

func (c coarse) Error(dim int) float64 { return 1/c.steps + BLAS{}.Error(dim) }

// TestKNNSameWithAnyProduct: what a product rounds away decides nothing, not even
// among images that lie close together.
func TestKNNSameWithAnyProduct(t *testing.T) {
	bank, queries := clusters(1, 900, 24, 9), clusters(2, 200, 24, 9)
	for _, f := range []*Features{bank, queries} {
		for i := range f.Len() { // nearly the same direction
			for d, v := range f.Row(i) {
				f.Row(i)[d] = 1 + v/10
			}
			normalize(f.Row(i))
		}
	}
	ks := []int{1, 10, 20, 200}
	for name, p := range map[string]Product{"blas": BLAS{}, "coarse": coarse{1 << 12}, "coarser": coarse{10}} {
		for i, a := range evaluate(t, KNN{K: ks, Product: p}, bank, queries) {
			if want := bruteForce(bank, queries, ks[i], DefaultTemperature); a != want {
				t.Errorf("%s: got %+v, want %+v", name, a, want)
			}
		}
	}
}

// TestNeighbours compares the heap with sorting, with many equal cosines, and with
// offers as far from them as the slack allows.
func TestNeighbours(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	for range 300 {
		n, k := 1+rng.IntN(60), 1+rng.IntN(20)
		all := make([]neighbour, n)
		cosines := make([]float32, n)
		slack := []float64{0, .5, 2}[rng.IntN(3)]
		for i := range all {
			all[i] = neighbour{float64(rng.IntN(8)), int32(i)}
			cosines[i] = float32(all[i].cosine + slack*float64(rng.IntN(3)-1))
		}
		exact := func(image int) float64 { return all[image].cosine }
		h := newNeighbours(k, slack)
		cut := rng.IntN(n + 1) // two blocks
		h.offer(cosines[:cut], 0, exact)
		h.offer(cosines[cut:], cut, exact)
		got := h.sorted()
		slices.SortFunc(all, nearer)
		if want := all[:min(k, len(all))]; !slices.Equal(got, want) {
			t.Fatalf("k %d: got %v, want %v", k, got, want)
		}
	}
}

// BenchmarkKNN compares features of ViT-S with both products and says what the
// whole of ImageNet (1,281,167 training and 50,000 validation images) would take at most.
func BenchmarkKNN(b *testing.B) {
	const dim, nBank, nQueries = 384, 40_000, 1024
	bank, queries := clusters(1, nBank, dim, 1000), clusters(2, nQueries, dim, 1000)
	run := func(b *testing.B, p Product) {
		for b.Loop() {
			evaluate(b, KNN{Product: p}, bank, queries)
		}
		perPair := b.Elapsed().Seconds() / float64(b.N) / (nBank * nQueries)
		b.ReportMetric(perPair*1e9, "ns/pair")
		b.ReportMetric(perPair*1_281_167*50_000/60, "ImageNet-min")
	}
	b.Run("blas", func(b *testing.B) { run(b, BLAS{}) })
	b.Run("ort", func(b *testing.B) { run(b, openProduct(b, "ort")) })
}

func evaluate(t testing.TB, knn KNN, bank, queries *Features) []Accuracy {
	t.Helper()
	got, err := knn.Evaluate(t.Context(), bank, queries)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// bruteForce is the protocol in its plainest form.
func bruteForce(bank, queries *Features, k int, temperature float64) Accuracy {
	a := Accuracy{K: k}
	for q := range queries.Len() {
		type hit struct {
			s     float64
			label int
		}
		var hits []hit
		for i := range bank.Len() {
			var s float64
			for d, v := range queries.Row(q) {
				s += float64(v) * float64(bank.Row(i)[d])
			}
			hits = append(hits, hit{s, bank.Labels[i]})
		}
		slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.s, a.s) })
		scores := map[int]float64{}
		for _, h := range hits[:min(k, len(hits))] {
			scores[h.label] += math.Exp(h.s / temperature)
		}
		order := slices.Sorted(maps.Keys(scores))
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		switch rank := slices.Index(order, queries.Labels[q]); {
		case rank < 0: // no vote
		case rank == 0:
			a.Top1++
			a.Top5++
		case rank < 5:
			a.Top5++
		}
	}
	a.Top1 /= float64(queries.Len())
	a.Top5 /= float64(queries.Len())
	return a
}

// clusters draws n features around centres that depend on the number of classes
// and dimensions alone.
func clusters(seed uint64, n, dim, classes int) *Features {
	centres := rand.New(rand.NewPCG(uint64(classes), uint64(dim)))
	means := make([]float64, classes*dim)
	for i := range means {
		means[i] = centres.NormFloat64()
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	f := &Features{Dim: dim, Data: make([]float32, n*dim), Labels: make([]int, n)}
	for i := range n {
		f.Labels[i] = rng.IntN(classes)
		for d := range dim {
			f.Row(i)[d] = float32(means[f.Labels[i]*dim+d] + rng.NormFloat64())
		}
		normalize(f.Row(i))
	}
	return f
}

func recorded(tensors map[string]*onnxgraph.Tensor, features, labels string) *Features {
	f := &Features{Dim: tensors[features].Shape()[1], Data: onnxgraph.Data[float32](tensors[features])}
	for _, l := range onnxgraph.Data[int64](tensors[labels]) {
		f.Labels = append(f.Labels, int(l))
	}
	return f
}

func pick(f *Features, order []int) *Features {
	out := &Features{Dim: f.Dim}
	for _, i := range order {
		out.Data = append(out.Data, f.Row(i)...)
		out.Labels = append(out.Labels, f.Labels[i])
	}
	return out
}

// relabel multiplies the labels; factor -1 makes them all -1.
func relabel(f *Features, factor int) *Features {
	out := &Features{Dim: f.Dim, Data: f.Data}
	for _, l := range f.Labels {
		if factor < 0 {
			l = 1
		}
		out.Labels = append(out.Labels, l*factor)
	}
	return out
}
