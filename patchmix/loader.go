package patchmix

import (
	"errors"
	"fmt"

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

// Loader makes the batches of a dataset, see images.Loader. Every byte of a batch
// follows from the dataset, the configuration and the position alone.
type Loader struct {
	*images.Loader[*Batch]
	config  LoaderConfig
	views   *viewMaker
	targets map[[2]int]targets // by batch size and m
}

type targets struct{ source, mixSource, mixMix *onnxgraph.Tensor }

// batching is the part of the configuration that says which images make up a batch.
func (c LoaderConfig) batching() images.LoaderConfig {
	return images.LoaderConfig{Batch: c.Batch, Seed: c.Seed, KeepLast: c.KeepLast, Workers: c.Workers, Prefetch: c.Prefetch}
}

// StepsPerEpoch is the number of batches in an epoch of so many images.
func (c LoaderConfig) StepsPerEpoch(images int) int { return c.batching().StepsPerEpoch(images) }

// Check says why no batches can be made by the configuration of so many images, if
// so.
func (c LoaderConfig) Check(images int) error {
	if err := c.Views.check(); err != nil {
		return err
	}
	if err := c.batching().Check(images); err != nil || c.Mix == nil {
		return err
	}
	if len(c.Mix.Num) == 0 {
		return errors.New("patchmix: mixing without a number of images, choose 2")
	}
	for _, n := range c.batching().Sizes(images) {
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

// NewLoader checks the configuration. Goroutines start at the first Next.
func NewLoader(data images.Dataset, c LoaderConfig) (*Loader, error) {
	if err := c.Check(data.Len()); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, data.Name())
	}
	l := &Loader{config: c, views: newViewMaker(c.Views), targets: map[[2]int]targets{}}
	var err error
	l.Loader, err = images.NewLoader(data, c.batching(), images.BatchMaker[*Batch]{New: l.newBatch, Describe: l.describe, Fill: l.fill, Finish: l.finish})
	if err != nil {
		return nil, err
	}
	l.config.Workers, l.config.Prefetch = l.Batching().Workers, l.Batching().Prefetch
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
	for _, n := range l.Sizes() {
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

// Config is the configuration, with what was automatic filled in.
func (l *Loader) Config() LoaderConfig { return l.config }

// describe makes all that is drawn once a step.
func (l *Loader) describe(b *Batch) {
	n := len(b.Indices)
	b.shape(n, l.config.Views.list())
	if mix := l.config.Mix; mix != nil {
		rng := images.NewRand(l.config.Seed, images.StreamMix, b.Epoch, b.Step)
		b.Num = mix.Num[rng.IntN(len(mix.Num))]
		for i, v := range l.config.Views.list() {
			side := v.Crop.Size / mix.Patch
			b.perms[i] = Permutation(rng, side*side)
		}
		t := l.targets[[2]int{n, b.Num}]
		b.Feeds[TargetSource], b.Feeds[TargetMixSource], b.Feeds[TargetMixMix] = t.source, t.mixSource, t.mixMix
	}
}

// newBatch allocates a batch of full size.
func (l *Loader) newBatch() *Batch {
	views := l.config.Views.list()
	b := &Batch{Feeds: map[string]*onnxgraph.Tensor{}, perms: make([][]int, len(views))}
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
	l.views.fill(b.views, item, l.config.Seed, b.Epoch, b.Indices[item], w)
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
