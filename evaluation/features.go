package evaluation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"pmx/onnxgraph"
	"pmx/runtimes"
)

// Features are the features of N labelled images.
type Features struct {
	Dim    int
	Data   []float32 // [N Dim], rows of length 1, or all zero
	Labels []int     // [N], 0 or more
	// Partial says that images were left out, since they could not be read: a Cache does
	// not keep such features.
	Partial bool
}

// Len is the number of images.
func (f *Features) Len() int { return len(f.Labels) }

// Row is the feature of image i, [Dim].
func (f *Features) Row(i int) []float32 { return f.Data[i*f.Dim : (i+1)*f.Dim] }

// check says what is wrong with features that were not made by Extract.
func (f *Features) check() error {
	switch {
	case f.Len() == 0 || f.Dim < 1:
		return errors.New("there are no features")
	case len(f.Data) != f.Len()*f.Dim:
		return fmt.Errorf("%d images of %d numbers, but %d numbers", f.Len(), f.Dim, len(f.Data))
	}
	for i, l := range f.Labels {
		if l < 0 {
			return fmt.Errorf("image %d has no label", i)
		}
		if length := math.Sqrt(dot(f.Row(i), f.Row(i))); length != 0 && !(math.Abs(length-1) <= 1e-3) {
			return fmt.Errorf("the feature of image %d has length %g, want 1", i, length)
		}
	}
	return nil
}

// vectors are the features without labels.
func (f *Features) vectors() vectors { return vectors{f.Dim, f.Data} }

// Batch is some images of a data set in order: normalised float pixels [n 3 H W],
// or what else the encoder takes with the batch as first dimension, and their labels.
type Batch struct {
	Images *onnxgraph.Tensor
	Labels []int // [n]
}

// Batches are the batches of a data set; the last may be smaller. A batch's
// tensor may be used again for the next one. An error ends them.
type Batches = iter.Seq2[Batch, error]

// Extract computes the encoder's class token (builders.EncoderClass) of all
// images, scaled to length 1. progress, unless nil, is told after each batch how
// many images are done. It stops with ctx's error once that is done.
func Extract(ctx context.Context, encoder runtimes.Inference, batches Batches, progress func(done int)) (*Features, error) {
	return collect(ctx, batches, progress, func(images *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
		return classTokens(encoder, images)
	})
}

// RawPixels takes the pixels of the images as their features.
func RawPixels(ctx context.Context, batches Batches, progress func(done int)) (*Features, error) {
	return collect(ctx, batches, progress, func(images *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
		n := images.Shape()[0]
		pixels := make([]float32, images.Size())
		for i, v := range images.Float64s() {
			pixels[i] = float32(v)
		}
		return onnxgraph.NewTensor([]int{n, images.Size() / n}, pixels), nil
	})
}

func collect(ctx context.Context, batches Batches, progress func(done int), feature func(*onnxgraph.Tensor) (*onnxgraph.Tensor, error)) (*Features, error) {
	f := &Features{}
	for batch, err := range batches {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if n := batch.Images.Shape()[0]; n == 0 || n != len(batch.Labels) {
			return nil, fmt.Errorf("evaluation: a batch of %d images has %d labels", n, len(batch.Labels))
		}
		rows, err := feature(batch.Images)
		if err != nil {
			return nil, err
		}
		if err := f.append(rows, batch.Labels); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(f.Len())
		}
	}
	if f.Len() == 0 {
		return nil, fmt.Errorf("evaluation: the data set has no images")
	}
	return f, nil
}

// append adds rows [n dim] and their labels.
func (f *Features) append(rows *onnxgraph.Tensor, labels []int) error {
	n, dim := rows.Shape()[0], rows.Shape()[1]
	if f.Dim == 0 {
		f.Dim = dim
	}
	if n != len(labels) || dim != f.Dim {
		return fmt.Errorf("evaluation: features %v for %d images, after features of %d numbers: images must have one size", rows, len(labels), f.Dim)
	}
	first := f.Len()
	f.Data = append(f.Data, onnxgraph.Data[float32](rows)...)
	f.Labels = append(f.Labels, labels...)
	for i := first; i < f.Len(); i++ {
		if f.Labels[i] < 0 {
			return fmt.Errorf("evaluation: image %d has no label: choose a data set with classes", i)
		}
		if !normalize(f.Row(i)) {
			return fmt.Errorf("evaluation: the feature of image %d is not finite", i)
		}
	}
	return nil
}

// normalize scales v to length 1; zeros stay. It reports whether v is finite.
func normalize(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return false
	}
	if sum == 0 {
		return true
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return true
}
