package builders_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pmx/builders"
	"pmx/onnxgraph"
)

// lossOf evaluates ContrastiveLoss on plain slices.
func lossOf(t *testing.T, q, k, target [][]float64, temperature float64) float64 {
	t.Helper()
	g, err := onnxgraph.Build("loss", func(g *onnxgraph.Graph) {
		in := func(name string, m [][]float64) *onnxgraph.Value {
			return g.Input(name, onnxgraph.Float64, len(m), len(m[0]))
		}
		g.Output("loss", builders.ContrastiveLoss(in("q", q), in("k", k), in("t", target), g.Input("temperature", onnxgraph.Float64, 1)))
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxgraph.Eval(g, map[string]*onnxgraph.Tensor{
		"q": matrix(q), "k": matrix(k), "t": matrix(target), "temperature": onnxgraph.NewTensor([]int{1}, []float64{temperature}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out["loss"].Float64s()[0]
}

func matrix(m [][]float64) *onnxgraph.Tensor {
	var data []float64
	for _, row := range m {
		data = append(data, row...)
	}
	return onnxgraph.NewTensor([]int{len(m), len(m[0])}, data)
}

func random(rng *rand.Rand, rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
		for j := range m[i] {
			m[i][j] = rng.NormFloat64()
		}
	}
	return m
}

func identity(n int) [][]float64 {
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
		m[i][i] = 1
	}
	return m
}

// plainLoss is the loss in plain loops.
func plainLoss(q, k, target [][]float64, temperature float64) float64 {
	loss := 0.0
	for b := range q {
		logits := make([]float64, len(k))
		sum := 0.0
		for j := range k {
			dot, qq, kk := 0.0, 0.0, 0.0
			for i := range q[b] {
				dot, qq, kk = dot+q[b][i]*k[j][i], qq+q[b][i]*q[b][i], kk+k[j][i]*k[j][i]
			}
			logits[j] = dot / math.Sqrt(qq*kk) / temperature
			sum += math.Exp(logits[j])
		}
		for j := range k {
			loss -= target[b][j] * (logits[j] - math.Log(sum)) / float64(len(q))
		}
	}
	return loss
}

// TestContrastiveLossRederived compares with plain loops.
func TestContrastiveLossRederived(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []struct{ n, dim int }{{2, 3}, {5, 4}, {7, 1}} {
		for _, temperature := range []float64{0.07, 0.2, 1} {
			q, k, target := random(rng, size.n, size.dim), random(rng, size.n, size.dim), random(rng, size.n, size.n)
			want := plainLoss(q, k, target, temperature)
			if got := lossOf(t, q, k, target, temperature); !(math.Abs(got-want) <= 1e-12*(1+math.Abs(want))) {
				t.Errorf("n=%d dim=%d temperature=%g: loss %.12g, want %.12g", size.n, size.dim, temperature, got, want)
			}
		}
	}
}

// TestContrastiveLossClosedForm: equal embeddings cannot be told apart, so the
// loss is log n; orthogonal ones at temperature τ give log(1 + (n-1) e^(-1/τ)).
func TestContrastiveLossClosedForm(t *testing.T) {
	const n, tau = 6, 0.2
	same := make([][]float64, n)
	for i := range same {
		same[i] = []float64{3, -4}
	}
	if got, want := lossOf(t, same, same, identity(n), tau), math.Log(n); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("equal embeddings: loss %.12g, want log n = %.12g", got, want)
	}
	if got, want := lossOf(t, identity(n), identity(n), identity(n), tau), math.Log1p((n-1)*math.Exp(-1/tau)); !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("orthogonal embeddings: loss %.12g, want %.12g", got, want)
	}
}

// TestContrastiveLossIgnoresLength: only directions count.
func TestContrastiveLossIgnoresLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	q, k := random(rng, 4, 3), random(rng, 4, 3)
	before := lossOf(t, q, k, identity(4), 0.2)
	for i := range q {
		for j := range q[i] {
			q[i][j] *= float64(10 * (i + 1))
			k[i][j] *= 0.01
		}
	}
	if after := lossOf(t, q, k, identity(4), 0.2); !(math.Abs(after-before) <= 1e-12) {
		t.Errorf("scaling the rows took the loss from %.12g to %.12g", before, after)
	}
}
