package evaluation

import (
	"context"

	"pmx/images"
	"pmx/onnxgraph"
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

// WholeImages are the images of a data set in order as they are, bytes [1 H W 3] each in
// a batch of its own, for encoders that resize them.
func WholeImages(ctx context.Context, data images.Dataset) Batches {
	return func(yield func(Batch, error) bool) {
		var img images.Image
		for i := range data.Len() {
			label, err := data.Sample(ctx, i, &img)
			if err != nil {
				yield(Batch{}, err)
				return
			}
			pixels := onnxgraph.NewTensor([]int{1, img.H, img.W, 3}, img.Pix)
			if !yield(Batch{Images: pixels, Labels: []int{label}}, nil) {
				return
			}
		}
	}
}
