package detection

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"pmx/detection/coco"
	"pmx/images"
	"pmx/onnxgraph"
)

// Mean and Std normalise pixels from 0 to 255, as detectron2's recipes for RGB do.
var (
	Mean = [3]float64{123.675, 116.28, 103.53}
	Std  = [3]float64{58.395, 57.12, 57.375}
)

// LoaderConfig says what batches a Loader makes.
type LoaderConfig struct {
	images.LoaderConfig

	Transform Transform
	// MaxObjects is the largest number of objects of a picture, the first ones; 0: 100.
	// It bounds the memory of a batch: an object takes 4*Size*Size bytes.
	MaxObjects int

	// Anchors and Proposals are the numbers of anchors and of proposals of a picture
	// for which keys are drawn; without Anchors there are none.
	Anchors, Proposals int
}

// defaultMaxObjects is more than 99.9 % of COCO's pictures have.
const defaultMaxObjects = 100

// Batch is what one step of training takes: Feeds as the package's documentation has
// them.
type Batch struct {
	images.Batch

	Feeds   map[string]*onnxgraph.Tensor
	Targets []*Target // of each picture

	// Left counts the objects beyond MaxObjects.
	Left int

	pixels, sizes, masks, rpnKeys []float32
}

// Loader makes batches of pictures and their objects, see images.Loader. Every byte of
// a batch follows from the data set, the configuration and the position alone.
type Loader struct {
	*images.Loader[*Batch]
	data      *Dataset
	config    LoaderConfig
	normalize *normalizer
	work      sync.Pool // of *Workspace
}

// NewLoader checks the configuration. Goroutines start at the first Next.
func NewLoader(data *Dataset, c LoaderConfig) (*Loader, error) {
	if c.MaxObjects == 0 {
		c.MaxObjects = defaultMaxObjects
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &Loader{data: data, config: c, normalize: newNormalizer(), work: sync.Pool{New: func() any { return new(Workspace) }}}
	var err error
	l.Loader, err = images.NewLoader(data, c.LoaderConfig, images.BatchMaker[*Batch]{New: l.newBatch, Describe: l.describe, Fill: l.fill, Finish: l.finish})
	if err != nil {
		return nil, err
	}
	l.config.LoaderConfig = l.Batching()
	return l, nil
}

func (c LoaderConfig) check() error {
	switch {
	case c.MaxObjects < 1:
		return fmt.Errorf("detection: at most %d objects of a picture, choose at least 1", c.MaxObjects)
	case c.Anchors < 0 || c.Proposals < 0 || c.Proposals > 0 && c.Anchors == 0:
		return fmt.Errorf("detection: keys for %d anchors and %d proposals, choose both, or 0 for none", c.Anchors, c.Proposals)
	}
	return c.Transform.Check()
}

// Config is the configuration, with what was automatic filled in.
func (l *Loader) Config() LoaderConfig { return l.config }

func (l *Loader) newBatch() *Batch {
	n, side := slices.Max(l.Sizes()), l.config.Transform.Size
	return &Batch{
		Feeds:   map[string]*onnxgraph.Tensor{},
		Targets: make([]*Target, n),
		pixels:  make([]float32, n*3*side*side),
		sizes:   make([]float32, n*4),
		rpnKeys: make([]float32, n*l.config.Anchors),
	}
}

func (l *Loader) describe(b *Batch) {
	n, side := len(b.Indices), l.config.Transform.Size
	b.Targets = b.Targets[:n]
	b.Feeds["image"] = onnxgraph.NewTensor([]int{n, 3, side, side}, b.pixels[:n*3*side*side])
	b.Feeds["sizes"] = onnxgraph.NewTensor([]int{n, 1, 4}, b.sizes[:n*4])
	if l.config.Anchors > 0 {
		b.Feeds["rpn_keys"] = onnxgraph.NewTensor([]int{n, l.config.Anchors}, b.rpnKeys[:n*l.config.Anchors])
	}
}

// fill makes one picture of a batch.
func (l *Loader) fill(b *Batch, item int, w *images.Worker) error {
	index, side := b.Indices[item], l.config.Transform.Size
	work := l.work.Get().(*Workspace)
	defer l.work.Put(work)
	images.Seed(&w.PCG, l.config.Seed, images.StreamView, b.Epoch, index)
	img, target, err := l.config.Transform.Apply(&w.Image, &l.data.Pictures[index], w.Rand, work)
	if err != nil {
		return err
	}
	b.Targets[item] = target
	l.normalize.square(b.pixels[item*3*side*side:][:3*side*side], side, img)
	copy(b.sizes[item*4:], size4(target.W, target.H))
	images.Seed(&w.PCG, l.config.Seed, streamAnchorKeys, b.Epoch, index)
	drawKeys(b.rpnKeys[item*l.config.Anchors:][:l.config.Anchors], w.Rand)
	return nil
}

// finish makes the tensors whose size depends on how many objects there are.
func (l *Loader) finish(b *Batch) error {
	n, side, most := len(b.Indices), l.config.Transform.Size, 1
	b.Left = 0
	for _, t := range b.Targets {
		b.Left += t.keep(l.config.MaxObjects)
		most = max(most, len(t.Classes))
	}
	boxes := make([]float32, n*most*4)
	classes := make([]int64, n*most)
	for i := range classes {
		classes[i] = -1
	}
	square := side * side
	if cap(b.masks) < n*most*square {
		b.masks = make([]float32, n*most*square)
	}
	b.masks = b.masks[:n*most*square]
	clear(b.masks)
	for i, t := range b.Targets {
		for k := range t.Classes {
			at := i*most + k
			copy(boxes[at*4:], t.Boxes[k][:])
			classes[at] = int64(t.Classes[k])
			paint(b.masks[at*square:][:square], side, t.Masks[k])
		}
	}
	b.Feeds["gt_boxes"] = onnxgraph.NewTensor([]int{n, most, 4}, boxes)
	b.Feeds["gt_classes"] = onnxgraph.NewTensor([]int{n, most}, classes)
	b.Feeds["gt_masks"] = onnxgraph.NewTensor([]int{n * most, 1, side, side}, b.masks)
	if l.config.Anchors > 0 {
		regions := l.config.Proposals + most
		keys := make([]float32, n*regions)
		for i, index := range b.Indices {
			drawKeys(keys[i*regions:][:regions], images.NewRand(l.config.Seed, streamRegionKeys, b.Epoch, index))
		}
		b.Feeds["roi_keys"] = onnxgraph.NewTensor([]int{n, regions}, keys)
	}
	return nil
}

// keep drops what is beyond the first n objects, and returns how many they are.
func (t *Target) keep(n int) (left int) {
	if left = len(t.Classes) - n; left <= 0 {
		return 0
	}
	t.Boxes, t.Classes, t.Masks, t.IDs = t.Boxes[:n], t.Classes[:n], t.Masks[:n], t.IDs[:n]
	return left
}

func size4(w, h int) []float32 { return []float32{float32(w), float32(h), float32(w), float32(h)} }

// drawKeys draws from the open interval (0, 1): the middles of 2^23 equal parts, which
// float32 has exactly.
func drawKeys(keys []float32, rng *rand.Rand) {
	const bits = 23
	for i := range keys {
		keys[i] = (float32(rng.Uint32()>>(32-bits)) + .5) / (1 << bits)
	}
}

// paint writes 1 where a mask is into a square of zeros, and repeats the mask's last
// row and column beside it.
func paint(square []float32, side int, m coco.RLE) {
	at := 0
	for i, run := range m.Counts {
		end := at + int(run)
		if i%2 == 1 {
			for ; at < end; at++ {
				square[at%m.Height*side+at/m.Height] = 1
			}
		}
		at = end
	}
	for y := range m.Height {
		row := square[y*side:][:side]
		if row[m.Width-1] != 0 {
			for x := m.Width; x < side; x++ {
				row[x] = 1
			}
		}
	}
	last := square[(m.Height-1)*side:][:side]
	for y := m.Height; y < side; y++ {
		copy(square[y*side:][:side], last)
	}
}

// normalizer turns bytes into floats, (v - mean) / std of each channel in float32, by a
// table.
type normalizer [3][256]float32

func newNormalizer() *normalizer {
	n := new(normalizer)
	for c := range n {
		for v := range n[c] {
			n[c][v] = (float32(v) - float32(Mean[c])) / float32(Std[c])
		}
	}
	return n
}

// square writes the image into the upper left corner of three planes [side side], and 0
// beside it.
func (n *normalizer) square(planes []float32, side int, img *images.Image) {
	clear(planes)
	for c := range n {
		table, plane := &n[c], planes[c*side*side:]
		for y := range img.H {
			row, pix := plane[y*side:][:img.W], img.Pix[3*y*img.W:][:3*img.W]
			for x := range row {
				row[x] = table[pix[3*x+c]]
			}
		}
	}
}
