package patchmix

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"pmx/images"
)

// BenchConfig is a measurement of how fast views are made.
type BenchConfig struct {
	Dir   string // folder with images, decoded again each time; "": noise
	Noise int    // side of the noise pictures, which need no decoding
	Size  int    // side of the views
	Count int    // images to make views of

	Views ViewsConfig // of which the two global ones are made

	Workers int // goroutines, 0: 1
}

// BenchResult is what was measured.
type BenchResult struct {
	ImagesPerSecond float64 `json:"images_per_s"` // two views each
	Size            int     `json:"size"`
	Workers         int     `json:"workers"`
}

// BenchViews times the two views of a recipe, decoding included: what torchvision and Pillow do in the script that
// pmx is compared with. It takes its own time, after 20 images to warm up. Once the
// images are listed, the end of ctx ends it.
func BenchViews(ctx context.Context, c BenchConfig) (BenchResult, error) {
	if c.Workers == 0 {
		c.Workers = 1
	}
	var none BenchResult
	if c.Size < 1 || c.Count < 1 || c.Workers < 1 || c.Dir == "" && c.Noise < 1 {
		return none, fmt.Errorf("patchmix: benchmark of %d images, views of %d pixels, %d workers, folder %q, noise of %d pixels: choose numbers of at least 1",
			c.Count, c.Size, c.Workers, c.Dir, c.Noise)
	}
	data := images.Noise(c.Noise)
	if c.Dir != "" {
		var err error
		if data, err = images.Open("folder:"+c.Dir, images.Train); err != nil {
			return none, err
		}
	}
	c.Views.LocalCrops = 0
	if err := c.Views.check(); err != nil {
		return none, err
	}
	views := newViewMaker(c.Views)
	run := func(count int) error {
		var next atomic.Int64
		var group sync.WaitGroup
		errs := make([]error, c.Workers)
		for worker := range c.Workers {
			group.Go(func() {
				w := images.NewWorker()
				defer w.Release()
				out := [][]float32{make([]float32, 3*c.Size*c.Size), make([]float32, 3*c.Size*c.Size)}
				for {
					i := int(next.Add(1)) - 1
					if i >= count || ctx.Err() != nil {
						return
					}
					if _, err := data.Sample(ctx, i%data.Len(), &w.Image); err != nil {
						errs[worker] = err
						return
					}
					views.fill(out, 0, 1, 0, i, w)
				}
			})
		}
		group.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	}
	if err := run(20); err != nil {
		return none, err
	}
	runtime.GC()
	begin := time.Now()
	if err := run(c.Count); err != nil {
		return none, err
	}
	rate := float64(c.Count) / time.Since(begin).Seconds()
	return BenchResult{ImagesPerSecond: rate, Size: c.Size, Workers: c.Workers}, nil
}
