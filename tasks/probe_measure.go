package tasks

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"pmx/builders"
	"pmx/evaluation"
	"pmx/images"
	"pmx/internal/cancel"
	"pmx/internal/progress"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/step"
	"pmx/training"
)

// ProbeOptions say what a linear probe measures, and where it runs.
type ProbeOptions struct {
	Env
	// Encoder holds the weights of what is measured under timm's names.
	Encoder map[string]*onnxgraph.Tensor
	// Train and Test are labelled images.
	Train, Test images.Dataset
	// Workers make batches ahead; 0 is one per core. The batches do not depend on it.
	Workers int
	// RawPixels measures linear classifiers of the pixels too.
	RawPixels bool
	// Log takes what to know on the way; nil discards it.
	Log io.Writer
}

// ProbeResult is what a linear probe found. Accuracies are in percent.
type ProbeResult struct {
	TrainImages  int `json:"train_images"`
	SelectImages int `json:"select_images"` // kept out of training to choose the head by; 0 for one head
	TestImages   int `json:"test_images"`
	Epochs       int `json:"epochs"`

	Chosen HeadResult `json:"chosen"` // the head with the highest SelectTop1
	// Last is Chosen after the last epoch, on the test images.
	Last *evaluation.ClassificationReport `json:"last"`
	// RawPixels is the same of linear classifiers of the pixels, after their last epoch;
	// nil where they were not measured.
	RawPixels *HeadResult  `json:"raw_pixels"`
	Heads     []HeadResult `json:"heads"`
}

// HeadResult is what one head reached. BestTop1 is chosen on the test images, as most
// published numbers are, and so is too high.
type HeadResult struct {
	Feature    string   `json:"feature"`
	Rate       float64  `json:"rate"` // for a batch of 256
	SelectTop1 *float64 `json:"select_top1"`
	LastTop1   float64  `json:"last_top1"`
	BestTop1   float64  `json:"best_top1"`
	BestEpoch  int      `json:"best_epoch"` // the first that has it, from 1
}

// MeasureProbe trains the heads of a linear probe on a frozen encoder and measures them
// on test images after every epoch. One of several heads is chosen by its accuracy after
// the last epoch on a part of the training images that is kept out of training, never by
// the test images. The recipe's architecture is the encoder's.
func MeasureProbe(ctx context.Context, r *Probe, o ProbeOptions) (*ProbeResult, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Env.Progress == nil {
		o.Env.Progress = func(string, int64, int64) {}
	}
	r = Clone(r).(*Probe)
	if err := Check(r); err != nil {
		return nil, &RecipeError{err}
	}
	if r.Classes == 0 {
		r.Classes = classesOf(o.Train)
	}
	m := &probeMeasure{ProbeOptions: o, recipe: r}
	part := r.SelectPart
	if r.heads() == 1 {
		part = 0
	} else if part == 0 {
		return nil, &RecipeError{fmt.Errorf("select_part is 0, and there are %d heads to choose from: set select_part=0.1, or one learning rate and one feature", r.heads())}
	}
	fit, chooseBy, err := selectionSplit(o.Train, part, r.Seed)
	if err != nil {
		return nil, err
	}
	if r.Batch > fit.Len() {
		fmt.Fprintf(o.Log, "note: batches have the %d images that there are to train on, not %d; learning rates keep to the batch\n", fit.Len(), r.Batch)
		r.Batch = fit.Len()
	}
	heads := &trainedHeads{config: r.config(), epochs: r.Epochs}
	defer heads.close()
	if err := m.encoderHeads(ctx, heads, fit, chooseBy); err != nil {
		return nil, err
	}
	out := &ProbeResult{TrainImages: fit.Len(), TestImages: o.Test.Len(), Epochs: r.Epochs, Heads: heads.results}
	if chooseBy != nil {
		out.SelectImages = chooseBy.Len()
	}
	best := heads.best()
	out.Chosen = heads.results[best]
	if out.Last, err = heads.report(best, o.Train.Classes()); err != nil || !o.RawPixels {
		return out, err
	}
	out.RawPixels, err = m.rawPixels(ctx)
	return out, err
}

// selectionSplit keeps a part of the images of each class, drawn by the seed, to choose a
// head by; nil for part 0.
func selectionSplit(d images.Dataset, part float64, seed uint64) (fit, chooseBy images.Dataset, err error) {
	if part == 0 {
		return d, nil, nil
	}
	left := map[int]int{} // how many of a class are still to be kept
	for label, n := range labelsOf(d) {
		left[label] = int(math.Round(part * float64(n)))
	}
	var keep, rest []int
	for _, i := range images.NewRand(seed, images.StreamHoldOut, 0, 1).Perm(d.Len()) {
		if label := d.Label(i); left[label] > 0 {
			left[label]--
			keep = append(keep, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(keep) == 0 || len(rest) == 0 {
		return nil, nil, fmt.Errorf("%s: %d images are too few to keep a part of %g to choose a head by: set select_part, or one learning rate and one feature", d.Name(), d.Len(), part)
	}
	slices.Sort(keep)
	slices.Sort(rest)
	if fit, err = images.Subset(d, d.Name()+" but a part", rest); err != nil {
		return nil, nil, err
	}
	chooseBy, err = images.Subset(d, "a part of "+d.Name(), keep)
	return fit, chooseBy, err
}

// probeMeasure is one call of MeasureProbe.
type probeMeasure struct {
	ProbeOptions
	recipe *Probe
}

// vectors are the features of labelled images.
type vectors struct {
	data   *onnxgraph.Tensor // [N width]
	labels []int
}

func (v *vectors) len() int { return len(v.labels) }

// rows are those of n images from the first on.
func (v *vectors) rows(first, n int) *onnxgraph.Tensor {
	width := v.data.Shape()[1]
	return onnxgraph.NewTensor([]int{n, width}, onnxgraph.Data[float32](v.data)[first*width:][:n*width])
}

// collect makes the vectors of all images of a data set.
func (m *probeMeasure) collect(ctx context.Context, what string, d images.Dataset, c images.EvalConfig, vector func(images *onnxgraph.Tensor) (*onnxgraph.Tensor, error)) (*vectors, error) {
	var data []float32
	v := &vectors{}
	width := 0
	for b, err := range evaluation.Images(ctx, d, c) {
		if err != nil {
			return nil, err
		}
		x, err := vector(b.Images)
		if err != nil {
			return nil, err
		}
		if width == 0 {
			width = x.Size() / len(b.Labels)
			data = make([]float32, 0, d.Len()*width)
		}
		data, v.labels = append(data, onnxgraph.Data[float32](x)...), append(v.labels, b.Labels...)
		m.Env.Progress(what+" of "+d.Name(), int64(len(v.labels)), int64(d.Len()))
	}
	v.data = onnxgraph.NewTensor([]int{len(v.labels), width}, data)
	return v, nil
}

// features are all that heads take of a data set's images.
func (m *probeMeasure) features(ctx context.Context, encoder runtimes.Inference, d images.Dataset) (*vectors, error) {
	if d == nil {
		return nil, nil
	}
	return m.collect(ctx, "features", d, m.recipe.evalConfig(), func(x *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
		out, err := encoder.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: x})
		return out[builders.FeaturesFeed], err
	})
}

// encoderHeads trains heads on the encoder's features. Test images, and those that heads
// are chosen by, pass the encoder once: it does not change.
func (m *probeMeasure) encoderHeads(ctx context.Context, h *trainedHeads, fit, chooseBy images.Dataset) error {
	r := m.recipe
	model, err := builders.ProbeFeatures(r.config(), m.Encoder)
	if err != nil {
		return err
	}
	encoder, err := m.Runtime.NewInference(model, m.Options)
	if err != nil {
		return err
	}
	defer encoder.Close()
	for _, f := range r.Features() {
		h.groups = append(h.groups, f.Name())
	}
	if h.chooseBy, err = m.features(ctx, encoder, chooseBy); err != nil {
		return err
	}
	if h.test, err = m.features(ctx, encoder, m.Test); err != nil {
		return err
	}
	plan, err := r.Plan()
	if err != nil {
		return err
	}
	var feeder training.Feeder
	if r.Cached {
		train, err := m.features(ctx, encoder, fit)
		if err != nil {
			return err
		}
		feeder = r.vectorFeeder(train)
	} else {
		data, err := r.data(ImageData{Splits: Images{Train: fit, Test: m.Test}, Train: fit}, "--set batch=N")
		if err != nil {
			return err
		}
		loader, err := data.Feeder(training.Position{}, m.Workers)
		if err != nil {
			return err
		}
		defer loader.Close()
		feeder = loader
	}
	return m.train(ctx, h, r, plan, feeder)
}

func (r *Probe) vectorFeeder(v *vectors) *vectorFeeder {
	return &vectorFeeder{vectors: v.data, labels: v.labels, batch: min(r.Batch, v.len()), classes: r.Classes, seed: r.Seed}
}

// train takes all steps of the heads and measures after every epoch.
func (m *probeMeasure) train(ctx context.Context, h *trainedHeads, r *Probe, plan *builders.Plan, feeder training.Feeder) error {
	built, err := cancel.Unless(ctx, func() (*step.Step, error) { return builders.Build(plan) })
	if err != nil {
		return err
	}
	session, err := cancel.Unless(ctx, func() (runtimes.Session, error) { return m.Runtime.NewSession(built, m.Options) })
	if err != nil {
		return err
	}
	defer session.Close()
	state := built.InitialState(r.Seed)
	for _, t := range built.State {
		if t.Kind != step.Frozen {
			continue
		}
		if state[t.Name] = m.Encoder[t.Name]; state[t.Name] == nil {
			return fmt.Errorf("tasks: the encoder has no %s", t.Name)
		}
	}
	if err := session.SetState(state); err != nil {
		return err
	}
	if err := h.open(m); err != nil {
		return err
	}
	perEpoch := feeder.StepsPerEpoch()
	loop := &training.Loop{
		Session: session, Feeder: feeder, Schedules: r.Schedules(perEpoch), Steps: int64(r.Epochs) * int64(perEpoch), Images: r.Batch,
		Hooks: []training.Hook{
			&stepProgress{what: h.what(), show: m.Env.Progress},
			&training.EvalHook{EveryEpochs: 1, Evaluate: h.evaluate},
		},
	}
	return loop.Run(ctx)
}

// stepProgress shows how many steps are done.
type stepProgress struct {
	training.NoHook
	what string
	show func(what string, done, total int64)
}

// Step implements training.Hook.
func (p *stepProgress) Step(_ context.Context, l *training.Loop, r *training.StepReport) error {
	p.show(p.what, r.Step, l.Steps)
	return nil
}

// trainedHeads are heads and how well they classify.
type trainedHeads struct {
	config builders.ProbeConfig
	groups []string // features, by which outputs and parameters are called
	vector int      // width of vectors that are not an encoder's; else 0
	epochs int

	chooseBy, test *vectors // chooseBy is nil for one head

	model   runtimes.Inference
	weights map[string]*onnxgraph.Tensor // of the last evaluation
	epoch   int
	results []HeadResult
}

func (h *trainedHeads) what() string {
	if h.vector > 0 {
		return "training on raw pixels"
	}
	return fmt.Sprintf("training %d heads", len(h.groups)*len(h.config.Rates))
}

// open compiles the model that classifies.
func (h *trainedHeads) open(m *probeMeasure) error {
	model, err := builders.ProbeClassifiers(h.config, h.vector)
	if err != nil {
		return err
	}
	h.model, err = m.Runtime.NewInference(model, m.Options)
	for _, group := range h.groups {
		for _, rate := range h.config.Rates {
			h.results = append(h.results, HeadResult{Feature: group, Rate: rate})
		}
	}
	return err
}

func (h *trainedHeads) close() {
	if h.model != nil {
		h.model.Close()
	}
}

// evaluate measures all heads after an epoch.
func (h *trainedHeads) evaluate(_ context.Context, l *training.Loop) (map[string]float64, error) {
	state, err := l.Session.State()
	if err != nil {
		return nil, err
	}
	h.weights = map[string]*onnxgraph.Tensor{}
	for name, x := range state {
		if strings.HasPrefix(name, "heads.") || strings.HasPrefix(name, "head_norm.") {
			h.weights[name] = x
		}
	}
	h.epoch++
	if h.chooseBy != nil && h.epoch == h.epochs {
		right, err := h.right(h.chooseBy)
		if err != nil {
			return nil, err
		}
		for i, n := range right {
			top1 := 100 * float64(n) / float64(h.chooseBy.len())
			h.results[i].SelectTop1 = &top1
		}
	}
	right, err := h.right(h.test)
	if err != nil {
		return nil, err
	}
	for i, n := range right {
		head := &h.results[i]
		head.LastTop1 = 100 * float64(n) / float64(h.test.len())
		if head.LastTop1 > head.BestTop1 || h.epoch == 1 {
			head.BestTop1, head.BestEpoch = head.LastTop1, h.epoch
		}
	}
	return nil, nil
}

// classifyRows is how many images the heads classify at a time.
const classifyRows = 1024

// logits calls use with the logits [n·rates classes] of each group of heads for rows of
// v from the first on.
func (h *trainedHeads) logits(v *vectors, use func(group, first, n int, logits []float32) error) error {
	for first := 0; first < v.len(); first += classifyRows {
		n := min(classifyRows, v.len()-first)
		feeds := map[string]*onnxgraph.Tensor{builders.FeaturesFeed: v.rows(first, n)}
		for name, x := range h.weights {
			feeds[name] = x
		}
		out, err := h.model.Run(feeds)
		if err != nil {
			return err
		}
		for group, name := range h.groups {
			if err := use(group, first, n, onnxgraph.Data[float32](out[name])); err != nil {
				return err
			}
		}
	}
	return nil
}

// right counts the images that each head classifies rightly. Of equal logits the lower
// class is taken; logits that are NaN are never right.
func (h *trainedHeads) right(v *vectors) ([]int, error) {
	rates, classes := len(h.config.Rates), h.config.Classes
	right := make([]int, len(h.groups)*rates)
	return right, h.logits(v, func(group, first, n int, logits []float32) error {
		perRate(rates, func(rate int) {
			for i := range n {
				label := v.labels[first+i]
				if label < classes && isHighest(logits[(i*rates+rate)*classes:][:classes], label) {
					right[group*rates+rate]++
				}
			}
		})
		return nil
	})
}

// perRate calls f for each rate, on all processors.
func perRate(rates int, f func(rate int)) {
	var wait sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), rates)
	for w := range workers {
		wait.Go(func() {
			for rate := w; rate < rates; rate += workers {
				f(rate)
			}
		})
	}
	wait.Wait()
}

// isHighest reports whether the logit of a class is above all of lower classes and not
// below any of higher ones.
func isHighest(logits []float32, class int) bool {
	for i, v := range logits {
		if i < class && !(v < logits[class]) || i > class && !(v <= logits[class]) {
			return false
		}
	}
	return !math.IsNaN(float64(logits[class]))
}

// best is the head with the highest accuracy on the images that heads are chosen by; of
// equal ones the first, which has the fewer features and the lower rate.
func (h *trainedHeads) best() int {
	best := 0
	for i, r := range h.results {
		if r.SelectTop1 != nil && *r.SelectTop1 > *h.results[best].SelectTop1 {
			best = i
		}
	}
	return best
}

// report is how a head classifies the test images after the last epoch.
func (h *trainedHeads) report(head int, names []string) (*evaluation.ClassificationReport, error) {
	rates, classes := len(h.config.Rates), h.config.Classes
	c := evaluation.NewClassification(classes)
	err := h.logits(h.test, func(group, first, n int, logits []float32) error {
		for i := range n {
			if group != head/rates {
				break
			}
			if err := c.Count(logits[(i*rates+head%rates)*classes:][:classes], h.test.labels[first+i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.Report(names), nil
}

// rawPixelsLimit is the most bytes of pixels that are held in memory.
const rawPixelsLimit = 2 << 30

// rawPixels trains linear classifiers of the pixels of images of at most 32 pixels a side.
func (m *probeMeasure) rawPixels(ctx context.Context) (*HeadResult, error) {
	r := cachedSweep()
	r.Epochs, r.Batch, r.Seed, r.Classes = 20, m.recipe.Batch, m.recipe.Seed, m.recipe.Classes
	r.Rates = []float64{1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1}
	side := min(m.recipe.ImageSize, 32)
	width := 3 * side * side
	if need := 4 * float64(width) * float64(m.Train.Len()); need > rawPixelsLimit {
		fmt.Fprintf(m.Log, "note: linear classifiers of raw pixels are not measured: the pixels of %s images take %.1f GiB of memory\n", progress.Count(int64(m.Train.Len())), need/(1<<30))
		return nil, nil
	}
	c := r.evalConfig()
	c.Transform = images.EvalTransform{Size: side}
	fit, chooseBy, err := selectionSplit(m.Train, r.SelectPart, r.Seed)
	if err != nil {
		return nil, err
	}
	pixels := func(d images.Dataset) (*vectors, error) {
		return m.collect(ctx, "pixels", d, c, func(x *onnxgraph.Tensor) (*onnxgraph.Tensor, error) { return x, nil })
	}
	h := &trainedHeads{config: r.config(), groups: []string{"vector"}, vector: width, epochs: r.Epochs}
	defer h.close()
	if h.chooseBy, err = pixels(chooseBy); err != nil {
		return nil, err
	}
	if h.test, err = pixels(m.Test); err != nil {
		return nil, err
	}
	train, err := pixels(fit)
	if err != nil {
		return nil, err
	}
	h.config.Batch = min(r.Batch, train.len())
	plan, err := builders.VectorPlan(taskProbe, h.config, h.config, width)
	if err != nil {
		return nil, err
	}
	if err := m.train(ctx, h, &r, plan, r.vectorFeeder(train)); err != nil {
		return nil, err
	}
	best := h.results[h.best()]
	best.Feature = "raw pixels"
	return &best, nil
}
