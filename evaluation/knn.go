package evaluation

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// DefaultK are the numbers of neighbours that papers report.
var DefaultK = []int{10, 20, 100, 200}

// DefaultTemperature is τ of the vote's weights exp(s/τ).
const DefaultTemperature = 0.07

// KNN is the classifier of k nearest neighbours; see the package comment.
type KNN struct {
	K           []int   // numbers of neighbours; nil is DefaultK
	Temperature float64 // 0 is DefaultTemperature
	// Product finds the images that are near; nil is BLAS. It decides the time that
	// Evaluate takes, not the result.
	Product Product
	// Progress, unless nil, is told after each block how many of the comparisons
	// (queries times bank) are done.
	Progress func(done, total int64)

	block blockSize // the zero value is defaultBlock; tests choose small ones
}

// Accuracy is the result for one number of neighbours, as fractions of the queries.
type Accuracy struct {
	K int
	// Top1 and Top5 count queries whose class is the first, or among the first five, by
	// score, of the classes that a neighbour voted for; equal scores go to the lower
	// class. With one neighbour Top5 is Top1.
	Top1, Top5 float64
}

// Evaluate classifies the queries by their neighbours in the bank. Of equally
// near images the one that comes first in the bank is nearer; where the bank has
// fewer than k images, all of them vote. The cosines of images that may be among the
// k nearest are computed again in float64, so that the same features give the same
// result whatever the product, the device and the number of processors. It stops
// with ctx's error once that is done.
func (c KNN) Evaluate(ctx context.Context, bank, queries *Features) ([]Accuracy, error) {
	c = c.withDefaults()
	if err := c.check(bank, queries); err != nil {
		return nil, err
	}
	vote := newVote(c.K, c.Temperature, bank.Labels, queries.Labels)
	find := search{bank: bank.vectors(), queries: queries.vectors(), product: c.Product, block: c.block, progress: c.Progress}
	err := find.nearest(ctx, slices.Max(c.K), func(query int, near []neighbour) error {
		vote.count(near, query)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return vote.accuracies(queries.Len()), nil
}

func (c KNN) withDefaults() KNN {
	if c.K == nil {
		c.K = DefaultK
	}
	if c.Temperature == 0 {
		c.Temperature = DefaultTemperature
	}
	if c.Product == nil {
		c.Product = BLAS{}
	}
	if c.block == (blockSize{}) {
		c.block = defaultBlock
	}
	return c
}

func (c KNN) check(bank, queries *Features) error {
	if len(c.K) == 0 {
		return errors.New("evaluation: kNN: no number of neighbours is asked for")
	}
	for _, k := range c.K {
		if k < 1 {
			return fmt.Errorf("evaluation: kNN: k is %d, want at least 1", k)
		}
	}
	if !(c.Temperature > 0) {
		return fmt.Errorf("evaluation: kNN: temperature is %g, want more than 0", c.Temperature)
	}
	for _, set := range []struct {
		name string
		f    *Features
	}{{"bank", bank}, {"queries", queries}} {
		if err := set.f.check(); err != nil {
			return fmt.Errorf("evaluation: kNN: %s: %w", set.name, err)
		}
	}
	if bank.Dim != queries.Dim {
		return fmt.Errorf("evaluation: kNN: the bank's features have %d numbers, the queries' %d: they are of two encoders", bank.Dim, queries.Dim)
	}
	return nil
}

// parallel calls f for 0 .. n-1 on all processors.
func parallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wait.Wait()
}
