package patchmix

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"

	"pmx/images"
	"pmx/onnxgraph"
)

// MixConfig says how images are mixed.
type MixConfig struct {
	Patch           int     `json:"patch"`            // side in pixels; the model's
	Num             []int   `json:"num"`              // images in a mix; of several, one is drawn every step
	Smoothing       float64 `json:"smoothing"`        // of the targets of mixed views
	SourceSmoothing float64 `json:"source_smoothing"` // of the targets of plain views
}

// LoaderConfig says what batches a Loader makes. Workers and Prefetch change
// when batches are ready, never what is in them.
type LoaderConfig struct {
	Batch    int         `json:"batch"` // images, at least 1
	Views    ViewsConfig `json:"views"`
	Mix      *MixConfig  `json:"mix"` // nil: no mixed views, no targets
	Seed     uint64      `json:"seed"`
	KeepLast bool        `json:"keep_last"` // hand out the smaller batch at the end of an epoch, too

	Workers  int `json:"-"` // 0: one a CPU
	Prefetch int `json:"-"` // batches made ahead, 0: 2
}

// Position is where in the data a run stands: the batch that comes next. It is
// all that a checkpoint needs beside LoaderConfig to go on with the same batches.
type Position struct {
	Epoch int `json:"epoch"`
	Step  int `json:"step"` // in the epoch
}

// Loader makes batches of a dataset, epoch after epoch without end, every epoch
// in another order. Which images come when, and every byte of every batch,
// follow from the dataset, the configuration and the position alone.
//
// A Loader serves one consumer at a time.
type Loader struct {
	data     images.Dataset
	config   LoaderConfig
	views    *viewMaker
	targets  map[[2]int]targets // by batch size and m
	pool     chan *Batch
	position Position

	pipe   *images.Pipeline[*Batch] // nil: not started
	closed bool
}

type targets struct{ source, mixSource, mixMix *onnxgraph.Tensor }

// Check says why no batches can be made by the configuration of so many images, if
// so.
func (c LoaderConfig) Check(images int) error {
	if err := c.Views.check(); err != nil {
		return err
	}
	switch {
	case c.Batch < 1:
		return fmt.Errorf("patchmix: batches of %d images, choose at least 1", c.Batch)
	case images < 1 || images < c.Batch && !c.KeepLast:
		return fmt.Errorf("patchmix: %d images, too few for a batch of %d, choose a smaller one", images, c.Batch)
	case c.Workers < 0 || c.Prefetch < 0:
		return fmt.Errorf("patchmix: %d workers and %d batches ahead, choose 0 (automatic) or more", c.Workers, c.Prefetch)
	case c.Mix == nil:
		return nil
	case len(c.Mix.Num) == 0:
		return errors.New("patchmix: mixing without a number of images, choose 2")
	}
	for _, n := range c.sizes(images) {
		for _, m := range c.Mix.Num {
			for _, v := range c.Views.list() {
				if err := (Mixer{c.Mix.Patch, m}).Check(n, v.Crop.Size, v.Crop.Size); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// sizes are the numbers of images that batches have.
func (c LoaderConfig) sizes(images int) []int {
	sizes := []int{min(c.Batch, images)}
	if rest := images % c.Batch; c.KeepLast && rest > 0 {
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
func NewLoader(data images.Dataset, c LoaderConfig) (*Loader, error) {
	if err := c.Check(data.Len()); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, data.Name())
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Prefetch == 0 {
		c.Prefetch = 2
	}
	l := &Loader{data: data, config: c, views: newViewMaker(c.Views), targets: map[[2]int]targets{}, pool: make(chan *Batch, c.Prefetch+1)}
	if err := l.prepareMixing(); err != nil {
		return nil, err
	}
	return l, nil
}

// prepareMixing makes the targets for all sizes of batches and mixes.
func (l *Loader) prepareMixing() error {
	mix := l.config.Mix
	if mix == nil {
		return nil
	}
	for _, n := range l.config.sizes(l.data.Len()) {
		for _, m := range mix.Num {
			source, err1 := SourceToSource(n, mix.SourceSmoothing)
			mixSource, err2 := MixToSource(n, m, mix.Smoothing)
			mixMix, err3 := MixToMix(n, m, mix.Smoothing)
			if err := errors.Join(err1, err2, err3); err != nil {
				return err
			}
			l.targets[[2]int{n, m}] = targets{source, mixSource, mixMix}
		}
	}
	return nil
}

// StepsPerEpoch is the number of batches in an epoch.
func (l *Loader) StepsPerEpoch() int { return l.config.StepsPerEpoch(l.data.Len()) }

// Dataset is what batches are made of.
func (l *Loader) Dataset() images.Dataset { return l.data }

// Config is the configuration, with what was automatic filled in.
func (l *Loader) Config() LoaderConfig { return l.config }

// Position is that of the batch which Next gives next.
func (l *Loader) Position() Position { return l.position }

// Seek makes p the position of the next batch.
func (l *Loader) Seek(p Position) error {
	if p.Epoch < 0 || p.Step < 0 || p.Step > l.StepsPerEpoch() {
		return fmt.Errorf("patchmix: position epoch %d, step %d is not in %s, which has %d steps an epoch; was the data or the batch size changed?",
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
func (l *Loader) Close() {
	l.halt()
	l.closed = true
}

func (l *Loader) halt() {
	if l.pipe != nil {
		l.pipe.Close()
		l.pipe = nil
	}
}

// Next waits for the batch at Position and moves on. An image that cannot be
// read ends it with an error that names the image; the position stays at that
// batch. After ctx has ended, Next may be called again with another.
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	if l.closed {
		return nil, errors.New("patchmix: the loader is closed")
	}
	if l.pipe == nil {
		l.start()
	}
	b, _, err := l.pipe.Take(ctx)
	if err != nil {
		if b != nil { // the batch failed, so a later call tries it again
			l.halt()
		}
		return nil, err
	}
	b.handed.Store(true)
	l.position = l.following(l.position)
	return b, nil
}

// All yields batches until ctx ends or one fails; that error is the last thing
// it yields. Every batch is released after the body of the loop.
func (l *Loader) All(ctx context.Context) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		for {
			b, err := l.Next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(b, nil)
			b.Release()
			if !more {
				return
			}
		}
	}
}

func (l *Loader) following(p Position) Position {
	if p.Step++; p.Step == l.StepsPerEpoch() {
		return Position{Epoch: p.Epoch + 1}
	}
	return p
}

func (l *Loader) start() {
	at, epoch := l.position, -1
	var order []int
	l.pipe = &images.Pipeline[*Batch]{
		Next: func() (*Batch, int, bool) {
			if at.Epoch != epoch {
				epoch = at.Epoch
				order = images.NewRand(l.config.Seed, images.StreamShuffle, epoch, 0).Perm(l.data.Len())
			}
			b := l.describe(at, order)
			at = l.following(at)
			return b, len(b.Indices), true
		},
		Fill:   l.fill,
		Finish: l.finish,
	}
	l.pipe.Start(l.config.Workers, l.config.Prefetch)
}

// describe prepares the batch at a position: which images, and all that is drawn
// once a step.
func (l *Loader) describe(at Position, order []int) *Batch {
	var b *Batch
	select {
	case b = <-l.pool:
	default:
		b = l.newBatch()
	}
	first := at.Step * l.config.Batch
	n := min(l.config.Batch, len(order)-first)
	b.Epoch, b.Step = at.Epoch, at.Step
	b.Indices = append(b.Indices[:0], order[first:first+n]...)
	b.Labels = slices.Grow(b.Labels[:0], n)[:n]
	b.shape(n, l.config.Views.list())
	if mix := l.config.Mix; mix != nil {
		rng := images.NewRand(l.config.Seed, images.StreamMix, at.Epoch, at.Step)
		b.Num = mix.Num[rng.IntN(len(mix.Num))]
		for i, v := range l.config.Views.list() {
			side := v.Crop.Size / mix.Patch
			b.perms[i] = Permutation(rng, side*side)
		}
		t := l.targets[[2]int{n, b.Num}]
		b.Feeds[TargetSource], b.Feeds[TargetMixSource], b.Feeds[TargetMixMix] = t.source, t.mixSource, t.mixMix
	}
	return b
}

// newBatch allocates a batch of full size.
func (l *Loader) newBatch() *Batch {
	views := l.config.Views.list()
	b := &Batch{Feeds: map[string]*onnxgraph.Tensor{}, pool: l.pool, perms: make([][]int, len(views))}
	for _, v := range views {
		n := l.config.Batch * 3 * v.Crop.Size * v.Crop.Size
		b.views = append(b.views, make([]float32, n))
		if l.config.Mix != nil {
			b.mixed = append(b.mixed, make([]float32, n))
		}
	}
	return b
}

// shape makes the tensors of the views, for n images.
func (b *Batch) shape(n int, views []images.ViewConfig) {
	for i, v := range views {
		shape := []int{n, 3, v.Crop.Size, v.Crop.Size}
		size := n * 3 * v.Crop.Size * v.Crop.Size
		b.Feeds[viewName(i)] = onnxgraph.NewTensor(shape, b.views[i][:size])
		if b.mixed != nil {
			b.Feeds[mixedName(i)] = onnxgraph.NewTensor(shape, b.mixed[i][:size])
		}
	}
}

// fill makes all views of one image of a batch.
func (l *Loader) fill(b *Batch, item int, w *images.Worker) error {
	index := b.Indices[item]
	label, err := l.data.Sample(index, &w.Image)
	if err != nil {
		return err
	}
	b.Labels[item] = label
	l.views.fill(b.views, item, l.config.Seed, b.Epoch, index, w)
	return nil
}

// finish mixes the views of a batch.
func (l *Loader) finish(b *Batch) error {
	if l.config.Mix == nil {
		return nil
	}
	x := Mixer{l.config.Mix.Patch, b.Num}
	for i, v := range l.config.Views.list() {
		n, side := len(b.Indices), v.Crop.Size
		size := n * 3 * side * side
		if err := x.Mix(b.mixed[i][:size], b.views[i][:size], n, 3, side, side, b.perms[i]); err != nil {
			return err
		}
	}
	return nil
}

// viewMaker makes the views of images.
type viewMaker struct {
	sizes      []int
	transforms [][]images.Transform
	normalize  *images.Normalizer
}

func newViewMaker(c ViewsConfig) *viewMaker {
	m := &viewMaker{normalize: images.NewNormalizer(c.Mean, c.Std)}
	for _, v := range c.list() {
		m.sizes = append(m.sizes, v.Crop.Size)
		m.transforms = append(m.transforms, v.Transforms())
	}
	return m
}

// fill makes all views of w.Image, the index-th of the dataset, as number item
// of a batch.
func (m *viewMaker) fill(views [][]float32, item int, seed uint64, epoch, index int, w *images.Worker) {
	for i, transforms := range m.transforms {
		images.Seed(&w.PCG, seed, images.StreamView+i, epoch, index)
		view := images.View(transforms, &w.Image, w.Rand, &w.Space)
		size := 3 * m.sizes[i] * m.sizes[i]
		m.normalize.Planes(views[i][item*size:][:size], view)
	}
}
