package detection

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"sync"

	"pmx/detection/coco"
	"pmx/images"
	"pmx/onnxgraph"
)

// EvalConfig says how pictures are prepared for a detector that is not trained.
type EvalConfig struct {
	Size     int // side of the network's square in pixels
	Batch    int // pictures, at least 1; the last batch has what is left
	Workers  int // 0: one a CPU
	Prefetch int // batches made ahead, 0: 2
}

// EvalBatch is a run of pictures of a data set, in its order.
type EvalBatch struct {
	// Feeds are image [N 3 H H] and sizes [N 1 4], as for training.
	Feeds    map[string]*onnxgraph.Tensor
	Pictures []*Picture // N
	Scaled   [][2]int   // height and width of each picture in the square
	Original [][2]int   // height and width of each picture as it is shown

	first         int // index of the first picture
	pixels, sizes []float32
}

// EvalBatches yields all pictures of a data set once, in order, as large as fits the
// square. A batch is valid until the loop goes on. A picture that cannot be read, or the
// end of ctx, ends it: that error is the last thing it yields.
func EvalBatches(ctx context.Context, data *Dataset, c EvalConfig) iter.Seq2[*EvalBatch, error] {
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
		e := evaluator{config: c, data: data, normalize: newNormalizer(), pool: make(chan *EvalBatch, c.Prefetch+1)}
		pipe := &images.Pipeline[*EvalBatch]{Next: e.next, Fill: e.fill, Finish: func(*EvalBatch) error { return nil }}
		pipe.Start(c.Workers, c.Prefetch)
		defer pipe.Close()
		for {
			b, ok, err := pipe.Take(ctx)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case !ok || !yield(b, nil):
				return
			}
			e.pool <- b
		}
	}
}

func (c EvalConfig) check() error {
	if c.Batch < 1 || c.Workers < 0 || c.Prefetch < 0 {
		return fmt.Errorf("detection: evaluation batches of %d, %d workers, %d ahead: choose at least 1 and 0 (automatic)", c.Batch, c.Workers, c.Prefetch)
	}
	return Fit(c.Size).Check()
}

// evaluator makes the batches of EvalBatches.
type evaluator struct {
	config    EvalConfig
	data      *Dataset
	normalize *normalizer
	pool      chan *EvalBatch
	work      sync.Pool // of *Workspace
	first     int
}

// next describes the batch of the pictures that follow.
func (e *evaluator) next() (*EvalBatch, int, bool) {
	n, side := min(e.config.Batch, e.data.Len()-e.first), e.config.Size
	if n <= 0 {
		return nil, 0, false
	}
	var b *EvalBatch
	select {
	case b = <-e.pool:
	default:
		b = &EvalBatch{pixels: make([]float32, e.config.Batch*3*side*side), sizes: make([]float32, e.config.Batch*4)}
	}
	b.Feeds = map[string]*onnxgraph.Tensor{
		"image": onnxgraph.NewTensor([]int{n, 3, side, side}, b.pixels[:n*3*side*side]),
		"sizes": onnxgraph.NewTensor([]int{n, 1, 4}, b.sizes[:n*4]),
	}
	b.Pictures = make([]*Picture, n)
	b.Scaled, b.Original = make([][2]int, n), make([][2]int, n)
	b.first = e.first
	e.first += n
	return b, n, true
}

func (e *evaluator) fill(ctx context.Context, b *EvalBatch, item int, w *images.Worker) error {
	work, ok := e.work.Get().(*Workspace)
	if !ok {
		work = new(Workspace)
	}
	defer e.work.Put(work)
	if _, err := e.data.Sample(ctx, b.first+item, &w.Image); err != nil {
		return err
	}
	b.Pictures[item] = &e.data.Pictures[b.first+item]
	g := Fit(e.config.Size).draw(nil, w.Image.H, w.Image.W)
	h, wide := g.size(w.Image.H, w.Image.W)
	b.Original[item], b.Scaled[item] = [2]int{w.Image.H, w.Image.W}, [2]int{h, wide}
	side := e.config.Size
	e.normalize.square(b.pixels[item*3*side*side:][:3*side*side], side, g.picture(&w.Image, work))
	copy(b.sizes[item*4:], size4(wide, h))
	return nil
}

// Detected is what a network finds in one picture.
type Detected struct {
	Boxes    [][4]float32 // [n] x1 y1 x2 y2 in pixels of the network's square
	Scores   []float32    // [n]
	Classes  []int        // [n]
	Masks    []float32    // [n MaskSide MaskSide] probabilities within the boxes; nil for none
	MaskSide int
}

// maskThreshold is from where on a probability means the object.
const maskThreshold = .5

// Instances takes what was found in picture i of the batch back to the picture's own
// size: boxes are scaled and clipped, those without an extent dropped, and masks pasted
// (detectron2's detector_postprocess). Classes become the ids of the data set's
// categories.
func (b *EvalBatch) Instances(i int, found Detected, categories []coco.Category) (coco.Instances, error) {
	var out coco.Instances
	h, w := b.Original[i][0], b.Original[i][1]
	scaleY, scaleX := float32(float64(h)/float64(b.Scaled[i][0])), float32(float64(w)/float64(b.Scaled[i][1]))
	within := func(v float32, limit int) float32 { return min(max(v, 0), float32(limit)) }
	for k, box := range found.Boxes {
		box = [4]float32{
			within(box[0]*scaleX, w), within(box[1]*scaleY, h),
			within(box[2]*scaleX, w), within(box[3]*scaleY, h),
		}
		if !(box[2] > box[0] && box[3] > box[1]) {
			continue
		}
		class := found.Classes[k]
		if class < 0 || class >= len(categories) {
			return out, fmt.Errorf("detection: the network found class %d in %q, there are %d classes", class, b.Pictures[i].Name, len(categories))
		}
		out.Boxes = append(out.Boxes, coco.XYXY{float64(box[0]), float64(box[1]), float64(box[2]), float64(box[3])})
		out.Scores = append(out.Scores, float64(found.Scores[k]))
		out.Categories = append(out.Categories, categories[class].ID)
		if found.Masks != nil {
			s := found.MaskSide
			out.Masks = append(out.Masks, PasteMask(found.Masks[k*s*s:][:s*s], s, box, h, w))
		}
	}
	return out, nil
}

// Files is a data set of pictures without annotations.
func Files(paths []string) *Dataset {
	d := &Dataset{name: fmt.Sprintf("%d pictures", len(paths)), read: readFile, digest: digest(paths...)}
	for i, path := range paths {
		d.Pictures = append(d.Pictures, Picture{ID: int64(i + 1), Name: filepath.Base(path), Path: path})
	}
	return d
}
