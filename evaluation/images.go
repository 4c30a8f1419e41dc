package evaluation

import (
	"context"

	"pmx/images"
)

// Images are the images of a data set in order, prepared for evaluation. Each
// time they are ranged over, they are read again.
func Images(ctx context.Context, data images.Dataset, c images.EvalConfig) Batches {
	return func(yield func(Batch, error) bool) {
		for b, err := range images.EvalBatches(ctx, data, c) {
			if err != nil {
				yield(Batch{}, err)
				return
			}
			if !yield(Batch{Images: b.Images, Labels: b.Labels}, nil) {
				return
			}
		}
	}
}
