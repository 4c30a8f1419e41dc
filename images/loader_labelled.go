package images

import (
	"fmt"
	"slices"

	"pmx/onnxgraph"
)

// LabelledConfig says what batches a LabelledLoader makes.
type LabelledConfig struct {
	LoaderConfig

	Classes    int         // labels are 0 to Classes-1
	Size       int         // side of the images in pixels
	Transforms []Transform // of every image, in this order; they end with Size x Size pixels
	Mean, Std  [3]float64  // of the normalisation, for values from 0 to 1

	Erasing   RandomErasing // after normalisation; the zero value erases nothing
	Mixup     *Mixup        // nil: images are not mixed
	Smoothing float64       // label smoothing of the targets, 0 for none
}

// LabelledBatch is what one step of supervised training takes.
//
// Feeds holds, in float32,
//
//	image    [N, 3, Size, Size]   transformed, normalised, erased and mixed
//	target   [N, Classes]         what part each class has; rows sum to 1
type LabelledBatch struct {
	Batch

	Feeds map[string]*onnxgraph.Tensor
	Mixes []Mix // how each image is mixed with its partner; nil if none are

	pixels, targets []float32 // with room for a full batch
}

// LabelledLoader makes batches of images and their classes, see Loader. Every byte
// of a batch follows from the dataset, the configuration and the position alone.
type LabelledLoader struct {
	*Loader[*LabelledBatch]
	config    LabelledConfig
	normalize *Normalizer
}

// NewLabelledLoader checks the configuration and the labels. Goroutines start at the
// first Next.
func NewLabelledLoader(data Dataset, c LabelledConfig) (*LabelledLoader, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	for i := range data.Len() {
		switch label := data.Label(i); {
		case label < 0:
			return nil, fmt.Errorf("images: image %d of %s has no label: choose images in classes", i, data.Name())
		case label >= c.Classes:
			return nil, fmt.Errorf("images: image %d of %s has label %d, labels of %d classes are 0 to %d", i, data.Name(), label, c.Classes, c.Classes-1)
		}
	}
	l := &LabelledLoader{config: c, normalize: NewNormalizer(c.Mean, c.Std)}
	var err error
	l.Loader, err = NewLoader(data, c.LoaderConfig, BatchMaker[*LabelledBatch]{New: l.newBatch, Describe: l.describe, Fill: l.fill, Finish: l.finish})
	if err != nil {
		return nil, err
	}
	l.config.LoaderConfig = l.Batching()
	if c.Mixup != nil {
		for _, n := range l.Sizes() {
			if err := c.Mixup.Check(n, c.Size, c.Size); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

func (c LabelledConfig) check() error {
	switch {
	case c.Classes < 1:
		return fmt.Errorf("images: %d classes, choose at least 1", c.Classes)
	case c.Size < 1 || c.Size > maxSide:
		return fmt.Errorf("images: images of %d pixels, choose 1 to %d", c.Size, maxSide)
	case !(c.Smoothing >= 0 && c.Smoothing <= 1):
		return fmt.Errorf("images: label smoothing %g, choose 0 to 1", c.Smoothing)
	}
	for _, t := range c.Transforms {
		if checked, ok := t.(interface{ Check() error }); ok {
			if err := checked.Check(); err != nil {
				return err
			}
		}
	}
	if err := c.Erasing.Check(); err != nil {
		return err
	}
	return CheckNormalization(c.Mean, c.Std)
}

// Config is the configuration, with what was automatic filled in.
func (l *LabelledLoader) Config() LabelledConfig { return l.config }

// newBatch allocates a batch of full size.
func (l *LabelledLoader) newBatch() *LabelledBatch {
	n := slices.Max(l.Sizes())
	return &LabelledBatch{
		Feeds:   map[string]*onnxgraph.Tensor{},
		pixels:  make([]float32, n*l.imageSize()),
		targets: make([]float32, n*l.config.Classes),
	}
}

// imageSize is the number of values of an image.
func (l *LabelledLoader) imageSize() int { return 3 * l.config.Size * l.config.Size }

// describe makes the tensors and draws how images are mixed.
func (l *LabelledLoader) describe(b *LabelledBatch) {
	n, side, classes := len(b.Indices), l.config.Size, l.config.Classes
	b.Feeds["image"] = onnxgraph.NewTensor([]int{n, 3, side, side}, b.pixels[:n*l.imageSize()])
	b.Feeds["target"] = onnxgraph.NewTensor([]int{n, classes}, b.targets[:n*classes])
	if l.config.Mixup != nil {
		b.Mixes = l.config.Mixup.Draw(NewRand(l.config.Seed, StreamMixup, b.Epoch, b.Step), n, side, side)
	}
}

// fill makes one image of a batch.
func (l *LabelledLoader) fill(b *LabelledBatch, item int, w *Worker) error {
	index, side := b.Indices[item], l.config.Size
	Seed(&w.PCG, l.config.Seed, StreamView, b.Epoch, index)
	view := View(l.config.Transforms, &w.Image, w.Rand, &w.Space)
	if view.W != side || view.H != side {
		return fmt.Errorf("images: image %d of %s has %dx%d pixels after its transforms, not %dx%[5]d: begin with a crop of that size", index, l.Dataset().Name(), view.W, view.H, side)
	}
	planes := b.pixels[item*l.imageSize():][:l.imageSize()]
	l.normalize.Planes(planes, view)
	Seed(&w.PCG, l.config.Seed, StreamErase, b.Epoch, index)
	l.config.Erasing.Apply(planes, side, side, w.Rand)
	return nil
}

// finish mixes the images of a batch and makes the targets.
func (l *LabelledLoader) finish(b *LabelledBatch) error {
	if b.Mixes != nil {
		MixImages(b.pixels, 3, l.config.Size, l.config.Size, b.Mixes)
	}
	MixTargets(b.targets, b.Labels, l.config.Classes, l.config.Smoothing, b.Mixes)
	return nil
}
