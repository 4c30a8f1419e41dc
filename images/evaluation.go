package images

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"

	"pmx/onnxgraph"
)

// EvalConfig says how images are prepared for evaluation.
type EvalConfig struct {
	Transform EvalTransform `json:"transform"`
	Mean      [3]float64    `json:"mean"`
	Std       [3]float64    `json:"std"`

	Batch    int `json:"-"` // images, at least 1; the last batch has what is left
	Workers  int `json:"-"` // 0: one a CPU
	Prefetch int `json:"-"` // batches made ahead, 0: 2
}

// EvalBatch is a run of images of a dataset, in its order.
type EvalBatch struct {
	Images *onnxgraph.Tensor // float32 [n, 3, Size, Size]
	Labels []int             // n, -1 where there is none
	// Indices [n] are those of the images in the dataset. Those of images that are passed
	// over (SkippedError) are missing.
	Indices []int

	pixels []float32
	left   []bool // [n] passed over
}

// EvalBatches yields all images of a dataset once, in order, prepared for
// evaluation. A batch is valid until the loop continues. An image that cannot be
// read and is not passed over, or the end of ctx, ends it: that error is the last thing
// it yields.
func EvalBatches(ctx context.Context, data Dataset, c EvalConfig) iter.Seq2[*EvalBatch, error] {
	return func(yield func(*EvalBatch, error) bool) {
		if err := c.check(); err != nil {
			yield(nil, err)
			return
		}
		if c.Workers == 0 {
			c.Workers = runtime.GOMAXPROCS(0)
		}
		if c.Prefetch == 0 {
			c.Prefetch = 2
		}
		side := c.Transform.Size
		image := 3 * side * side
		normalize := NewNormalizer(c.Mean, c.Std)
		pool := make(chan *EvalBatch, c.Prefetch+1)
		first := 0
		pipe := &Pipeline[*EvalBatch]{
			Next: func() (*EvalBatch, int, bool) {
				n := min(c.Batch, data.Len()-first)
				if n <= 0 {
					return nil, 0, false
				}
				var b *EvalBatch
				select {
				case b = <-pool:
				default:
					b = &EvalBatch{pixels: make([]float32, c.Batch*image)}
				}
				b.Labels, b.Indices, b.left = grow(b.Labels, n), grow(b.Indices, n), grow(b.left, n)
				for i := range n {
					b.Indices[i], b.left[i] = first+i, false
				}
				first += n
				return b, n, true
			},
			Fill: func(ctx context.Context, b *EvalBatch, item int, w *Worker) (err error) {
				b.Labels[item], err = data.Sample(ctx, b.Indices[item], &w.Image)
				if _, skipped := errors.AsType[*SkippedError](err); skipped {
					b.left[item] = true
					return nil
				}
				if err != nil {
					return err
				}
				view := c.Transform.Apply(&w.Image, nil, &w.Space)
				normalize.Planes(b.pixels[item*image:][:image], view)
				return nil
			},
			Finish: func(b *EvalBatch) error {
				b.compact(image)
				n := len(b.Labels)
				if n == 0 {
					return nil
				}
				b.Images = onnxgraph.NewTensor([]int{n, 3, side, side}, b.pixels[:n*image])
				return nil
			},
		}
		pipe.Start(c.Workers, c.Prefetch)
		defer pipe.Close()
		for {
			b, ok, err := pipe.Take(ctx)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case !ok:
				return
			case len(b.Labels) > 0 && !yield(b, nil):
				return
			}
			pool <- b
		}
	}
}

// compact moves the images of so many values together, without those that are left out.
func (b *EvalBatch) compact(image int) {
	n := 0
	for i, left := range b.left {
		if left {
			continue
		}
		if n < i {
			copy(b.pixels[n*image:][:image], b.pixels[i*image:][:image])
			b.Labels[n], b.Indices[n] = b.Labels[i], b.Indices[i]
		}
		n++
	}
	b.Labels, b.Indices = b.Labels[:n], b.Indices[:n]
}

func (c EvalConfig) check() error {
	if err := CheckNormalization(c.Mean, c.Std); err != nil {
		return err
	}
	if err := c.Transform.Check(); err != nil {
		return err
	}
	if c.Batch < 1 || c.Workers < 0 || c.Prefetch < 0 {
		return fmt.Errorf("images: evaluation batches of %d, %d workers, %d ahead: choose at least 1 and 0 (automatic)", c.Batch, c.Workers, c.Prefetch)
	}
	return nil
}
