package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
	"pmx/step"
	"pmx/training"
)

// Probe is the recipe of a linear probe: linear classifiers (heads) on the features of
// an encoder that is frozen, a head for each learning rate and each feature, all trained
// beside each other over one forward pass. What the published PatchMix code executes
// (arXiv 2306.12243) is one setting of its keys, DINOv2's sweep (arXiv 2304.07193)
// another. MeasureProbe runs it.
type Probe struct {
	Task string `json:"task" help:"what is trained: probe"`
	Base
	builders.ProbeConfig
	CropScaleMin float64 `json:"crop_scale_min" help:"random resized crop: least share of the image's area" above:"0" max:"1"`
	FlipProb     float64 `json:"flip_prob" help:"probability of a horizontal flip" min:"0" max:"1"`
	Schedule     string  `json:"schedule" help:"of the learning rates, a cosine to 0: step (by the step) or patchmix (by the epoch, as the published code executes it)"`
	WeightDecay  float64 `json:"weight_decay" help:"weight decay of the heads' matrices" min:"0" max:"1e3" alias:"wd"`
	SelectPart   float64 `json:"select_part" help:"part of the training images kept out of training to choose one of several heads by" min:"0" below:"1"`

	// Mean and Std are what the encoder's images are normalised by; zero is ImageNet's.
	Mean [3]float32 `json:"-"`
	Std  [3]float32 `json:"-"`
}

const taskProbe = "probe"

var _ = Register(Task{
	Name: taskProbe, Summary: "linear classifiers on a frozen encoder; pmx eval linear trains them", Paper: "arXiv 2306.12243, arXiv 2304.07193",
	New: func() Recipe { return new(sweep()) },
})

var (
	_ Recipe = (*Probe)(nil)
	_ Sized  = (*Probe)(nil)
)

// TaskName implements Recipe.
func (r *Probe) TaskName() string { return taskProbe }

// BatchSize implements Recipe.
func (r *Probe) BatchSize() int { return r.Batch }

// Validate implements Recipe.
func (r *Probe) Validate() error {
	if r.Task != taskProbe {
		return fmt.Errorf("task is %q, want %s: other tasks have other keys", r.Task, taskProbe)
	}
	if r.Schedule != scheduleStep && r.Schedule != schedulePatchMix {
		return fmt.Errorf("schedule is %q, want %s or %s", r.Schedule, scheduleStep, schedulePatchMix)
	}
	return r.ProbeConfig.Validate()
}

// config is the configuration with the published learning rate where a rate is 0.
func (r *Probe) config() builders.ProbeConfig {
	c := r.ProbeConfig
	c.Rates = slices.Clone(c.Rates)
	for i, rate := range c.Rates {
		if rate == 0 {
			c.Rates[i] = publishedProbeRate(c.Dim)
		}
	}
	return c
}

// publishedProbeRate is the learning rate of PatchMix's linear probes: of T, S and B, and
// of other widths that of the next larger one.
func publishedProbeRate(dim int) float64 {
	switch {
	case dim <= 192:
		return 0.05
	case dim <= 384:
		return 0.02
	}
	return 0.01
}

// heads is the number of heads.
func (r *Probe) heads() int { return len(r.Rates) * len(r.Features()) }

// Plan implements Recipe.
func (r *Probe) Plan() (*builders.Plan, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.Classes < 2 {
		return nil, fmt.Errorf("classes is %d, want 2 or more: set classes, or name images in classes", r.Classes)
	}
	c := r.config()
	return builders.ProbePlan(taskProbe, c, c)
}

// Architecture describes the encoder that is measured.
func (r *Probe) Architecture() builders.ArchitectureInfo {
	return builders.Architecture(r.ViTConfig)
}

// Schedules implements Recipe. They are of a head of rate 1; each head has its own part
// of it.
func (r *Probe) Schedules(stepsPerEpoch int) training.Schedules {
	peak := training.PeakLR(1, r.Batch)
	lr := training.Cosine(peak, 0, int64(r.Epochs)*int64(stepsPerEpoch))
	if r.Schedule == schedulePatchMix {
		lr = training.ByEpoch(training.PatchMixCosine(0, peak, 0, 0, int64(r.Epochs)), stepsPerEpoch)
	}
	return training.Schedules{step.HyperLR: lr, step.HyperWeightDecay: training.Constant(r.WeightDecay)}
}

// errProbeAlone is why a probe is not trained as other tasks are.
var errProbeAlone = errors.New("a probe measures an encoder that is there already: pmx eval linear RUN --data SPEC")

// Open implements Recipe: it gives the training images of a probe on a finished encoder.
// Where the recipe does not say how many classes there are, it takes those of the images.
func (r *Probe) Open(ctx context.Context, o OpenOptions) (Data, error) {
	if r.Cached {
		return nil, &RecipeError{errProbeAlone}
	}
	pictures, err := OpenImages(ctx, r.Common(), o)
	if err != nil {
		return nil, err
	}
	return r.data(pictures, o.Remedy)
}

// data are batches of training images.
func (r *Probe) data(pictures ImageData, remedy string) (*supervisedData, error) {
	if r.Classes == 0 {
		r.Classes = classesOf(pictures.Train)
	}
	mean, std := r.normalization()
	transforms := images.LinearTransforms(r.ImageSize)
	for i, t := range transforms {
		switch t := t.(type) {
		case images.RandomResizedCrop:
			t.Scale[0] = r.CropScaleMin
			transforms[i] = t
		case images.RandomFlip:
			transforms[i] = images.RandomFlip{P: r.FlipProb}
		}
	}
	return newSupervisedData(pictures, images.LabelledConfig{
		LoaderConfig: images.LoaderConfig{Batch: r.Batch, Seed: r.Seed}, Classes: r.Classes, Size: r.ImageSize,
		Transforms: transforms, Mean: mean, Std: std,
	}, remedy, nil)
}

// normalization is that of the encoder's images.
func (r *Probe) normalization() (mean, std [3]float64) {
	if r.Std == ([3]float32{}) {
		return images.ImageNetMean, images.ImageNetStd
	}
	for i := range mean {
		mean[i], std[i] = float64(r.Mean[i]), float64(r.Std[i])
	}
	return mean, std
}

// evalConfig is what images go through for evaluation, those of cached features too.
func (r *Probe) evalConfig() images.EvalConfig {
	mean, std := r.normalization()
	return images.EvalConfig{Transform: images.LinearEval(r.ImageSize), Mean: mean, Std: std, Batch: evalBatch}
}

// vectorFeeder makes batches of cached features and their targets. The order of an epoch
// is that of a loader of images.
type vectorFeeder struct {
	vectors  *onnxgraph.Tensor // [N width]
	labels   []int
	batch    int
	classes  int
	seed     uint64
	position training.Position
	order    []int
}

// StepsPerEpoch implements training.Feeder.
func (f *vectorFeeder) StepsPerEpoch() int { return len(f.labels) / f.batch }

// Position implements training.Feeder.
func (f *vectorFeeder) Position() training.Position { return f.position }

// Next implements training.Feeder.
func (f *vectorFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	if err := context.Cause(ctx); err != nil {
		return nil, nil, err
	}
	if f.position.Step == 0 {
		f.order = images.NewRand(f.seed, images.StreamShuffle, f.position.Epoch, 0).Perm(len(f.labels))
	}
	width := f.vectors.Shape()[1]
	data := onnxgraph.Data[float32](f.vectors)
	x, target := make([]float32, f.batch*width), make([]float32, f.batch*f.classes)
	for i, index := range f.order[f.position.Step*f.batch:][:f.batch] {
		copy(x[i*width:], data[index*width:][:width])
		target[i*f.classes+f.labels[index]] = 1
	}
	if f.position.Step++; f.position.Step == f.StepsPerEpoch() {
		f.position = training.Position{Epoch: f.position.Epoch + 1}
	}
	f.position.StepsPerEpoch = f.StepsPerEpoch()
	return map[string]*onnxgraph.Tensor{
		builders.FeaturesFeed: onnxgraph.NewTensor([]int{f.batch, width}, x),
		builders.TargetFeed:   onnxgraph.NewTensor([]int{f.batch, f.classes}, target),
	}, func() {}, nil
}
