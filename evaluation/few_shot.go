package evaluation

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// FewShot are the features of n images of each class, drawn by rng, in their order.
func FewShot(f *Features, n int, rng *rand.Rand) (*Features, error) {
	of := map[int][]int{}
	for i, label := range f.Labels {
		of[label] = append(of[label], i)
	}
	var chosen []int
	for _, label := range slices.Sorted(maps.Keys(of)) {
		images := of[label]
		if len(images) < n {
			return nil, fmt.Errorf("evaluation: class %d has %d images, fewer than %d: draw fewer of each class", label, len(images), n)
		}
		rng.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
		chosen = append(chosen, images[:n]...)
	}
	slices.Sort(chosen)
	out := &Features{Dim: f.Dim}
	for _, i := range chosen {
		out.Data, out.Labels = append(out.Data, f.Row(i)...), append(out.Labels, f.Labels[i])
	}
	return out, nil
}

// FewShotAccuracy is the mean over several draws of a few images of each class.
type FewShotAccuracy struct {
	Accuracy
	StandardError float64 // of the mean of Top1 over the draws; 0 of a single draw
}

// EvaluateFewShot is Evaluate with a bank of n images of each class, for several draws
// that follow from the seed.
func (c KNN) EvaluateFewShot(ctx context.Context, bank, queries *Features, n, draws int, seed uint64) ([]FewShotAccuracy, error) {
	var all [][]Accuracy
	for draw := range draws {
		few, err := FewShot(bank, n, rand.New(rand.NewPCG(seed, uint64(draw))))
		if err != nil {
			return nil, err
		}
		one, err := c.Evaluate(ctx, few, queries)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	out := make([]FewShotAccuracy, len(all[0]))
	for i := range out {
		out[i].K = all[0][i].K
		for _, one := range all {
			out[i].Top1 += one[i].Top1 / float64(draws)
			out[i].Top5 += one[i].Top5 / float64(draws)
		}
		squares := 0.
		for _, one := range all {
			squares += (one[i].Top1 - out[i].Top1) * (one[i].Top1 - out[i].Top1)
		}
		if draws > 1 {
			out[i].StandardError = math.Sqrt(squares / float64(draws-1) / float64(draws))
		}
	}
	return out, nil
}
