package images

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
)

// LoaderConfig says which images of a dataset make up which batch. Workers and
// Prefetch change when batches are ready, never what is in them.
type LoaderConfig struct {
	Batch    int    // images, at least 1
	Seed     uint64 // of the order of every epoch
	KeepLast bool   // hand out the smaller batch at the end of an epoch, too

	Workers  int // 0: one a CPU
	Prefetch int // batches made ahead, 0: 2
}

// Position is where in the data a run stands: the batch that comes next. It is
// all that a checkpoint needs beside a loader's configuration to resume with the
// same batches.
type Position struct {
	Epoch int `json:"epoch"`
	Step  int `json:"step"` // in the epoch
}

// Batch is what the batches of all loaders have in common, to be embedded: which
// images they hold.
type Batch struct {
	// Indices are those of the images in the dataset. Where one is passed over
	// (SkippedError), another image with its label stands in its place.
	Indices []int
	Labels  []int // of the images, -1 where there is none

	Epoch int // from 0
	Step  int // in the epoch, from 0

	giveBack func()
	handed   atomic.Bool // the consumer has it
}

// Release hands the batch's memory back to the loader, which uses it for another
// batch. The batch must not be used any more. It need not be called, but then
// every batch takes new memory. Calling it twice is once.
func (b *Batch) Release() {
	if b.handed.Swap(false) {
		b.giveBack()
	}
}

func (b *Batch) common() *Batch { return b }

// Batcher is a pointer to a struct that embeds Batch.
type Batcher interface{ common() *Batch }

// BatchMaker is what a Loader needs to know of batches of a kind. What its
// functions make of a batch must follow from the Epoch, the Step and the Indices.
type BatchMaker[B Batcher] struct {
	// New allocates a batch of full size.
	New func() B
	// Describe prepares a batch of which Indices, Epoch and Step are set: what is
	// drawn once a step.
	Describe func(b B)
	// Fill makes item i of a batch from work.Image, which is image Indices[i].
	Fill func(b B, item int, work *Worker) error
	// Finish completes a batch of which every item is there.
	Finish func(b B) error
}

// Loader makes batches of a dataset, epoch after epoch without end, every epoch
// in another order. Which images come when, and every byte of every batch,
// follow from the dataset, the configuration and the position alone.
//
// A Loader serves one consumer at a time.
type Loader[B Batcher] struct {
	data     Dataset
	config   LoaderConfig
	maker    BatchMaker[B]
	pool     chan B
	position Position

	pipe   *Pipeline[B] // nil: not started
	closed bool
}

// Check says why no batches can be made by the configuration of so many images, if
// so.
func (c LoaderConfig) Check(images int) error {
	switch {
	case c.Batch < 1:
		return fmt.Errorf("images: batches of %d images, choose at least 1", c.Batch)
	case images < 1 || images < c.Batch && !c.KeepLast:
		return fmt.Errorf("images: %d images, too few for a batch of %d, choose a smaller one", images, c.Batch)
	case c.Workers < 0 || c.Prefetch < 0:
		return fmt.Errorf("images: %d workers and %d batches ahead, choose 0 (automatic) or more", c.Workers, c.Prefetch)
	}
	return nil
}

// Sizes lists the numbers of images that batches of so many images have: that of the
// full ones and, if it is kept and smaller, that of an epoch's last.
func (c LoaderConfig) Sizes(images int) []int {
	sizes := []int{min(c.Batch, images)}
	if rest := images % c.Batch; c.KeepLast && rest > 0 && rest != sizes[0] {
		sizes = append(sizes, rest)
	}
	return sizes
}

// StepsPerEpoch is the number of batches in an epoch of so many images.
func (c LoaderConfig) StepsPerEpoch(images int) int {
	n := images / c.Batch
	if c.KeepLast && images%c.Batch > 0 {
		n++
	}
	return n
}

// NewLoader checks the configuration. Goroutines start at the first Next.
func NewLoader[B Batcher](data Dataset, c LoaderConfig, maker BatchMaker[B]) (*Loader[B], error) {
	if err := c.Check(data.Len()); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, data.Name())
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Prefetch == 0 {
		c.Prefetch = 2
	}
	return &Loader[B]{data: data, config: c, maker: maker, pool: make(chan B, c.Prefetch+1)}, nil
}

// Sizes lists the numbers of images that batches have.
func (l *Loader[B]) Sizes() []int { return l.config.Sizes(l.data.Len()) }

// StepsPerEpoch is the number of batches in an epoch.
func (l *Loader[B]) StepsPerEpoch() int { return l.config.StepsPerEpoch(l.data.Len()) }

// Dataset is what batches are made of.
func (l *Loader[B]) Dataset() Dataset { return l.data }

// Batching is the configuration, with what was automatic filled in.
func (l *Loader[B]) Batching() LoaderConfig { return l.config }

// Position is that of the batch which Next gives next.
func (l *Loader[B]) Position() Position { return l.position }

// Seek makes p the position of the next batch.
func (l *Loader[B]) Seek(p Position) error {
	if p.Epoch < 0 || p.Step < 0 || p.Step > l.StepsPerEpoch() {
		return fmt.Errorf("images: position epoch %d, step %d is not in %s, which has %d steps an epoch; was the data or the batch size changed?",
			p.Epoch, p.Step, l.data.Name(), l.StepsPerEpoch())
	}
	l.halt()
	if p.Step == l.StepsPerEpoch() {
		p = Position{Epoch: p.Epoch + 1}
	}
	l.position = p
	return nil
}

// Close ends the loader's goroutines and waits for them. Batches that were
// handed out stay valid.
func (l *Loader[B]) Close() {
	l.halt()
	l.closed = true
}

func (l *Loader[B]) halt() {
	if l.pipe != nil {
		l.pipe.Close()
		l.pipe = nil
	}
}

// Next waits for the batch at Position and moves on. An image that cannot be
// read and is not passed over ends it with an error that names the image; the position stays at that
// batch. After ctx has ended, Next may be called again with another.
func (l *Loader[B]) Next(ctx context.Context) (B, error) {
	var none B
	if l.closed {
		return none, errors.New("images: the loader is closed")
	}
	if l.pipe == nil {
		l.start()
	}
	b, made, err := l.pipe.Take(ctx)
	if err != nil {
		if made { // the batch failed, so a later call tries it again
			l.halt()
		}
		return none, err
	}
	b.common().handed.Store(true)
	l.position = l.following(l.position)
	return b, nil
}

// All yields batches until ctx ends or one fails; that error is the last thing
// it yields. Every batch is released after the body of the loop.
func (l *Loader[B]) All(ctx context.Context) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for {
			b, err := l.Next(ctx)
			if err != nil {
				yield(b, err)
				return
			}
			more := yield(b, nil)
			b.common().Release()
			if !more {
				return
			}
		}
	}
}

func (l *Loader[B]) following(p Position) Position {
	if p.Step++; p.Step == l.StepsPerEpoch() {
		return Position{Epoch: p.Epoch + 1}
	}
	return p
}

func (l *Loader[B]) start() {
	at, epoch := l.position, -1
	var order []int
	l.pipe = &Pipeline[B]{
		Next: func() (B, int, bool) {
			if at.Epoch != epoch {
				epoch = at.Epoch
				order = NewRand(l.config.Seed, StreamShuffle, epoch, 0).Perm(l.data.Len())
			}
			b := l.describe(at, order)
			at = l.following(at)
			return b, len(b.common().Indices), true
		},
		Fill: func(ctx context.Context, b B, item int, w *Worker) (err error) {
			c := b.common()
			c.Labels[item], err = l.data.Sample(ctx, c.Indices[item], &w.Image)
			if _, skipped := errors.AsType[*SkippedError](err); skipped {
				c.Labels[item], err = l.replace(ctx, c.Epoch, c.Indices[item], w)
			}
			if err != nil {
				return err
			}
			return l.maker.Fill(b, item, w)
		},
		Finish: l.maker.Finish,
	}
	l.pipe.Start(l.config.Workers, l.config.Prefetch)
}

// replace reads another image in the place of one that is passed over. Which one follows
// from the seed, the epoch, the index of the image and the images that can be read. Views
// are still drawn for the index, so that they are others than those that the same
// image has in its own place.
func (l *Loader[B]) replace(ctx context.Context, epoch, index int, w *Worker) (label int, err error) {
	rng := NewRand(l.config.Seed, StreamReplace, epoch, index)
	for {
		label, err = l.data.Sample(ctx, rng.IntN(l.data.Len()), &w.Image)
		if _, skipped := errors.AsType[*SkippedError](err); !skipped {
			return label, err
		}
	}
}

// describe prepares the batch at a position of an epoch in that order.
func (l *Loader[B]) describe(at Position, order []int) B {
	var b B
	select {
	case b = <-l.pool:
	default:
		b = l.newBatch()
	}
	first := at.Step * l.config.Batch
	n := min(l.config.Batch, len(order)-first)
	c := b.common()
	c.Epoch, c.Step = at.Epoch, at.Step
	c.Indices = append(c.Indices[:0], order[first:first+n]...)
	c.Labels = slices.Grow(c.Labels[:0], n)[:n]
	l.maker.Describe(b)
	return b
}

func (l *Loader[B]) newBatch() B {
	b := l.maker.New()
	b.common().giveBack = func() {
		select {
		case l.pool <- b:
		default: // the loader has enough
		}
	}
	return b
}
