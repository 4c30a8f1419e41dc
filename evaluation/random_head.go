package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// RandomHead is a classifier that nobody trained: a matrix whose elements are uniform in
// ±√(6/(dim+classes)) (Xavier), without bias.
//
// The published kNN script of PatchMix (arXiv 2306.12243) builds its ViT with a classifier
// of 1,000 classes, loads the encoder alone, and compares the classifier's logits, not the
// class token. Its numbers are therefore of features that went through such a matrix,
// drawn by its own generator with seed 7; another draw moves them by little.
type RandomHead struct {
	Classes int
	Weight  []float32 // [Classes dim]
}

// publishedClasses are the outputs of the published script's classifier.
const publishedClasses = 1000

// NewRandomHead draws the classifier of features of dim numbers.
func NewRandomHead(dim int, seed uint64) *RandomHead {
	h := &RandomHead{Classes: publishedClasses, Weight: make([]float32, publishedClasses*dim)}
	rng := rand.New(rand.NewPCG(seed, uint64(dim)))
	bound := math.Sqrt(6 / float64(dim+publishedClasses))
	for i := range h.Weight {
		h.Weight[i] = float32(bound * (2*rng.Float64() - 1))
	}
	return h
}

// Logits are those of features, scaled to length 1. Since there is no bias, it does not
// matter that the features are of length 1 already.
func (h *RandomHead) Logits(f *Features, p Product) (*Features, error) {
	if len(h.Weight) != h.Classes*f.Dim {
		return nil, fmt.Errorf("evaluation: features of %d numbers and a classifier of %d", f.Dim, len(h.Weight)/h.Classes)
	}
	out := &Features{Dim: h.Classes, Labels: f.Labels, Data: make([]float32, f.Len()*h.Classes)}
	for first := 0; first < f.Len(); first += defaultBlock.queries {
		n := min(defaultBlock.queries, f.Len()-first)
		if err := p.Mul(out.Data[first*h.Classes:][:n*h.Classes], f.Data[first*f.Dim:][:n*f.Dim], h.Weight, n, h.Classes, f.Dim); err != nil {
			return nil, err
		}
	}
	for i := range out.Len() {
		if !normalize(out.Row(i)) {
			return nil, fmt.Errorf("evaluation: the logits of image %d are not finite", i)
		}
	}
	return out, nil
}
