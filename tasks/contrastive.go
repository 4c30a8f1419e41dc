package tasks

import (
	"context"
	"fmt"
	"math"

	"pmx/builders"
	"pmx/images"
	"pmx/onnxgraph"
	"pmx/patchmix"
	"pmx/step"
	"pmx/training"
)

// Contrastive is the recipe of the contrastive methods, PatchMix and MoCo v3:
// pre-training on images without labels.
type Contrastive struct {
	Base
	Method string `json:"method" help:"how views are contrasted: patchmix or mocov3"`
	builders.SiameseConfig
	Views
	ContrastiveSchedule
}

// Views says how views are made of an image.
type Views struct {
	CropScaleMin  float64 `json:"crop_scale_min" help:"random resized crop of a view: least share of the image's area" above:"0" max:"1"`
	CropScaleMax  float64 `json:"crop_scale_max" help:"random resized crop of a view: largest share of the image's area" above:"0" max:"1"`
	LocalScaleMin float64 `json:"local_scale_min" help:"random resized crop of a local crop: least share of the area" min:"0" max:"1"`
	LocalScaleMax float64 `json:"local_scale_max" help:"random resized crop of a local crop: largest share of the area" min:"0" max:"1"`
	Brightness    float64 `json:"brightness" help:"colour jitter: largest relative change of brightness" min:"0" max:"1"`
	Contrast      float64 `json:"contrast" help:"colour jitter: largest relative change of contrast" min:"0" max:"1"`
	Saturation    float64 `json:"saturation" help:"colour jitter: largest relative change of saturation" min:"0" max:"1"`
	Hue           float64 `json:"hue" help:"colour jitter: largest change of hue, in turns of the colour circle" min:"0" max:"0.5"`
	JitterProb    float64 `json:"jitter_prob" help:"probability of colour jitter" min:"0" max:"1"`
	GrayscaleProb float64 `json:"grayscale_prob" help:"probability of grayscale" min:"0" max:"1"`
	BlurProb1     float64 `json:"blur_prob1" help:"probability of Gaussian blur in view 1" min:"0" max:"1"`
	BlurProb2     float64 `json:"blur_prob2" help:"probability of Gaussian blur in view 2" min:"0" max:"1"`
	BlurProbLocal float64 `json:"blur_prob_local" help:"probability of Gaussian blur in a local crop" min:"0" max:"1"`
	SolarizeProb  float64 `json:"solarize_prob" help:"probability of solarization in view 2" min:"0" max:"1"`
	FlipProb      float64 `json:"flip_prob" help:"probability of a horizontal flip" min:"0" max:"1"`
	BlurSigmaMin  float64 `json:"blur_sigma_min" help:"least sigma of the blur in pixels" min:"0" max:"100"`
	BlurSigmaMax  float64 `json:"blur_sigma_max" help:"largest sigma of the blur in pixels" min:"0" max:"100"`
}

// ContrastiveSchedule says how the hyper-parameters go over the epochs.
type ContrastiveSchedule struct {
	WarmupEpochs            float64 `json:"warmup_epochs" help:"epochs of linear warm-up of the learning rate, from 0" min:"0" max:"1e6" alias:"warmup"`
	BaseLR                  float64 `json:"base_lr" help:"peak learning rate for a batch of 256; it is multiplied by batch/256" min:"0" max:"1e3" alias:"lr,learning_rate,blr"`
	MinLR                   float64 `json:"min_lr" help:"learning rate at the end of the cosine schedule" min:"0" max:"1e3"`
	WeightDecay             float64 `json:"weight_decay" help:"weight decay at the start" min:"0" max:"1e3" alias:"wd"`
	WeightDecayEnd          float64 `json:"weight_decay_end" help:"weight decay at the end of its cosine schedule" min:"0" max:"1e3"`
	EMAMomentum             float64 `json:"ema_momentum" help:"momentum m of the momentum encoder at the start: each step it keeps the share m of itself and takes 1-m from the encoder; m rises to 1 by the end" min:"0" max:"1" alias:"momentum,m,teacher_momentum"`
	Temperature             float64 `json:"temperature" help:"temperature of the softmax over similarities" min:"1e-3" max:"1e3" alias:"tau,t"`
	TemperatureStart        float64 `json:"temperature_start" help:"temperature at the start of its warm-up" min:"0" max:"1e3"`
	TemperatureWarmupEpochs int     `json:"temperature_warmup_epochs" help:"epochs of linear warm-up of the temperature; 0 for none" min:"0" max:"1e6"`
	SourceSmoothing         float64 `json:"source_smoothing" help:"label smoothing of the targets between source views" min:"0" max:"1" alias:"label_smoothing"`
	MixSmoothing            float64 `json:"mix_smoothing" help:"label smoothing of the targets of mixed images" min:"0" max:"1"`
}

var (
	_ Recipe      = (*Contrastive)(nil)
	_ Initialised = (*Contrastive)(nil)
	_ Evaluated   = (*Contrastive)(nil)
	_ Exported    = (*Contrastive)(nil)
	_ Sized       = (*Contrastive)(nil)
	_ ORTTrained  = (*Contrastive)(nil)
)

// contrastiveMethod is what a contrastive method adds to what all share.
type contrastiveMethod struct {
	// mixes says that batches hold mixed images and their targets.
	mixes bool
	// queries is how many batches of images one step sends through the query encoder.
	queries func(c builders.SiameseConfig) int
	// loss adds the forward passes and gives the total loss [1] and its parts.
	loss func(m *builders.Siamese) (total *onnxgraph.Value, parts []builders.Metric)
}

var contrastiveMethods = map[string]contrastiveMethod{}

// registerContrastive makes a contrastive method a task.
func registerContrastive(name, summary, paper string, m contrastiveMethod) *Task {
	contrastiveMethods[name] = m
	return Register(Task{Name: name, Summary: summary, Paper: paper, New: func() Recipe { return &Contrastive{Method: name} }})
}

func (r *Contrastive) method() (contrastiveMethod, error) {
	if m, ok := contrastiveMethods[r.Method]; ok {
		return m, nil
	}
	_, err := Lookup(r.Method)
	if err == nil {
		err = fmt.Errorf("method %q is a task of its own, with other keys: want patchmix or mocov3", r.Method)
	}
	return contrastiveMethod{}, err
}

// TaskName implements Recipe.
func (r *Contrastive) TaskName() string { return r.Method }

// BatchSize implements Recipe.
func (r *Contrastive) BatchSize() int { return r.Batch }

// Validate implements Recipe. Also a key that nothing reads has to be a number: JSON
// knows no other.
func (r *Contrastive) Validate() error {
	if err := r.validateStep(); err != nil {
		return err
	}
	for _, p := range []struct {
		least, most string
		low, high   float64
	}{
		{"crop_scale_min", "crop_scale_max", r.CropScaleMin, r.CropScaleMax}, {"local_scale_min", "local_scale_max", r.LocalScaleMin, r.LocalScaleMax},
		{"blur_sigma_min", "blur_sigma_max", r.BlurSigmaMin, r.BlurSigmaMax},
		{"warmup_epochs", "epochs", r.WarmupEpochs, float64(r.Epochs)},
		{"temperature_warmup_epochs", "epochs", float64(r.TemperatureWarmupEpochs), float64(r.Epochs)},
	} {
		if p.low > p.high {
			return fmt.Errorf("%s is %g, more than %s, which is %g", p.least, p.low, p.most, p.high)
		}
	}
	if r.TemperatureWarmupEpochs > 0 && r.TemperatureStart < 1e-3 {
		return fmt.Errorf("temperature_start is %g, want 0.001 to 1000, since the temperature is warmed up from there", r.TemperatureStart)
	}
	return nil
}

// validateStep says what is wrong with the keys that shape the step.
func (r *Contrastive) validateStep() error {
	m, err := r.method()
	if err != nil {
		return err
	}
	if err := r.SiameseConfig.Validate(); err != nil || !m.mixes {
		return err
	}
	return r.ValidateMixing()
}

// contrastiveStep is the configuration in a step's description.
type contrastiveStep struct {
	Method string `json:"method"`
	builders.SiameseConfig
}

// Plan implements Recipe.
func (r *Contrastive) Plan() (*builders.Plan, error) { return r.plan(r.SiameseConfig) }

// EvalPlan implements ORTTrained.
func (r *Contrastive) EvalPlan() (*builders.Plan, error) {
	c := r.SiameseConfig
	c.DropPath = 0
	return r.plan(c)
}

func (r *Contrastive) plan(c builders.SiameseConfig) (*builders.Plan, error) {
	if err := r.validateStep(); err != nil {
		return nil, err
	}
	method, err := r.method()
	if err != nil {
		return nil, err
	}
	return &builders.Plan{
		Task: r.Method, Config: contrastiveStep{r.Method, c}, ClipGrad: c.ClipGrad,
		Model: func(d *builders.Draft) {
			total, parts := method.loss(builders.NewSiamese(d, c, method.queries(c)))
			d.Minimise(total, parts...)
		},
	}, nil
}

// Architecture implements Encoded.
func (r *Contrastive) Architecture() builders.ArchitectureInfo {
	return builders.Architecture(r.ViTConfig)
}

// Sizes implements Sized.
func (r *Contrastive) Sizes() builders.Sizes {
	m, err := r.method()
	if err != nil {
		return builders.Sizes{}
	}
	return r.SiameseConfig.Sizes(m.queries(r.SiameseConfig))
}

// Warmup is the length of the warm-up in epochs, to scale with them.
func (r *Contrastive) Warmup() *float64 { return &r.WarmupEpochs }

// Schedules implements Recipe.
func (r *Contrastive) Schedules(stepsPerEpoch int) training.Schedules {
	total, warmup := int64(r.Epochs)*int64(stepsPerEpoch), int64(math.Round(r.WarmupEpochs*float64(stepsPerEpoch)))
	temperature := training.Constant(r.Temperature)
	if n := r.TemperatureWarmupEpochs; n > 0 {
		temperature = training.ByEpoch(training.Line(r.TemperatureStart, r.Temperature, int64(n)), stepsPerEpoch)
	}
	s := training.Schedules{
		step.HyperLR:              training.WarmupCosine(0, training.PeakLR(r.BaseLR, r.Batch), r.MinLR, warmup, total),
		step.HyperWeightDecay:     training.Cosine(r.WeightDecay, r.WeightDecayEnd, total),
		builders.HyperTemperature: temperature,
	}
	if r.MomentumEncoder {
		s[builders.HyperEMAMomentum] = training.EMAMomentum(r.EMAMomentum, total)
	}
	return s
}

// ViewsConfig is how the recipe makes views of an image.
func (r *Contrastive) ViewsConfig() patchmix.ViewsConfig {
	view := func(side int, scaleMin, scaleMax, blur, solarize float64) images.ViewConfig {
		return images.ViewConfig{
			Crop:      images.RandomResizedCrop{Size: side, Scale: [2]float64{scaleMin, scaleMax}, Ratio: [2]float64{3. / 4, 4. / 3}},
			Jitter:    images.ColorJitter{P: r.JitterProb, Brightness: r.Brightness, Contrast: r.Contrast, Saturation: r.Saturation, Hue: r.Hue},
			Grayscale: images.RandomGrayscale{P: r.GrayscaleProb},
			Blur:      images.RandomBlur{P: blur, Sigma: [2]float64{r.BlurSigmaMin, r.BlurSigmaMax}},
			Solarize:  images.RandomSolarize{P: solarize, Threshold: 128},
			Flip:      images.RandomFlip{P: r.FlipProb},
		}
	}
	return patchmix.ViewsConfig{
		View1:      view(r.ImageSize, r.CropScaleMin, r.CropScaleMax, r.BlurProb1, 0),
		View2:      view(r.ImageSize, r.CropScaleMin, r.CropScaleMax, r.BlurProb2, r.SolarizeProb),
		LocalCrops: r.LocalCrops,
		Local:      view(r.LocalSize, r.LocalScaleMin, r.LocalScaleMax, r.BlurProbLocal, 0),
		Mean:       images.ImageNetMean, Std: images.ImageNetStd,
	}
}

// LoaderConfig is how the recipe makes batches for its method.
func (r *Contrastive) LoaderConfig(workers int) (patchmix.LoaderConfig, error) {
	method, err := r.method()
	if err != nil {
		return patchmix.LoaderConfig{}, err
	}
	c := patchmix.LoaderConfig{Batch: r.Batch, Views: r.ViewsConfig(), Seed: r.Seed, Workers: workers}
	if method.mixes {
		c.Mix = &patchmix.MixConfig{Patch: r.PatchSize, Num: r.MixNum, Smoothing: r.MixSmoothing, SourceSmoothing: r.SourceSmoothing}
	}
	return c, nil
}

// Open implements Recipe.
func (r *Contrastive) Open(ctx context.Context, o OpenOptions) (Data, error) {
	pictures, err := OpenImages(ctx, r.Common(), o)
	if err != nil {
		return nil, err
	}
	d := &contrastiveData{ImageData: pictures, recipe: r}
	if err := d.CheckBatch(r.Batch, o.Remedy); err != nil {
		return nil, err
	}
	config, err := r.LoaderConfig(1)
	if err != nil {
		return nil, err
	}
	if err := config.Check(d.Len()); err != nil {
		return nil, &RecipeError{err}
	}
	d.perEpoch = config.StepsPerEpoch(d.Len())
	return d, nil
}

// contrastiveData makes batches of views of images.
type contrastiveData struct {
	ImageData
	recipe   *Contrastive
	perEpoch int
}

// StepsPerEpoch implements Data.
func (d *contrastiveData) StepsPerEpoch() int { return d.perEpoch }

// Feeder implements Data.
func (d *contrastiveData) Feeder(at training.Position, workers int) (Feeder, error) {
	config, err := d.recipe.LoaderConfig(workers)
	if err != nil {
		return nil, err
	}
	loader, err := patchmix.NewLoader(d.Train, config)
	if err != nil {
		return nil, err
	}
	f := &viewFeeder{loader: loader}
	if config.Mix == nil {
		if f.source, err = patchmix.SourceToSource(d.recipe.Batch, d.recipe.SourceSmoothing); err != nil {
			return nil, err
		}
	}
	if err := loader.Seek(images.Position{Epoch: at.Epoch, Step: at.Step}); err != nil {
		return nil, err
	}
	if d.recipe.DropPath == 0 {
		return f, nil
	}
	method, err := d.recipe.method()
	if err != nil {
		return nil, err
	}
	c := d.recipe.SiameseConfig
	return withDropPath(f, d.recipe.Seed, c.DropPath, c.Depth, method.queries(c)*c.Batch), nil
}

// viewFeeder makes a Loader's batches the feeds of a step.
type viewFeeder struct {
	loader *patchmix.Loader
	source *onnxgraph.Tensor // the targets of a method that does not mix; else nil
}

// Next implements training.Feeder.
func (f *viewFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	b, err := f.loader.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	if f.source != nil {
		b.Feeds[patchmix.TargetSource] = f.source
	}
	return b.Feeds, b.Release, nil
}

// StepsPerEpoch implements training.Feeder.
func (f *viewFeeder) StepsPerEpoch() int { return f.loader.StepsPerEpoch() }

// Position implements training.Feeder.
func (f *viewFeeder) Position() training.Position {
	p := f.loader.Position()
	return training.Position{Epoch: p.Epoch, Step: p.Step, StepsPerEpoch: f.StepsPerEpoch()}
}

// Close ends the loader's goroutines.
func (f *viewFeeder) Close() { f.loader.Close() }

// Adopt implements Initialised. Local crops keep their share of an image, to the patch.
func (r *Contrastive) Adopt(c builders.ViTConfig) {
	if r.LocalCrops > 0 && r.ImageSize > 0 {
		share := float64(r.LocalSize) / float64(r.ImageSize)
		r.LocalSize = c.PatchSize * max(1, int(math.Round(share*float64(c.ImageSize/c.PatchSize))))
	}
	c.Epsilon = 0 // is not a key
	r.ViTConfig = c
}

// Encoders implements Initialised.
func (r *Contrastive) Encoders() []string {
	if r.MomentumEncoder {
		return []string{builders.BaseEncoder, builders.MomentumEncoder}
	}
	return []string{builders.BaseEncoder}
}
