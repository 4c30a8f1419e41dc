package tasks

import (
	"context"
	"fmt"
	"math"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/evaluation"
	"pmx/export"
	"pmx/images"
	"pmx/step"
	"pmx/training"
)

// Finetune is the recipe of fine-tuning: a ViT with a linear classifier on it, all of
// whose weights are trained on images in classes. What the published PatchMix code
// executes (arXiv 2306.12243; DeiT's augmentation, arXiv 2012.12877, with BEiT's layer
// decay, arXiv 2106.08254) is one setting of its keys, what MAE does (arXiv
// 2111.06377) is another.
type Finetune struct {
	Task string `json:"task" help:"what is trained: finetune"`
	Base
	builders.ClassifierConfig
	Augmentation
	FinetuneOptimizer
}

// Augmentation says what images of supervised training go through.
type Augmentation struct {
	CropScaleMin   float64 `json:"crop_scale_min" help:"random resized crop: least share of the image's area; images of up to 32 pixels are cropped with 4 pixels of padding instead" above:"0" max:"1"`
	FlipProb       float64 `json:"flip_prob" help:"probability of a horizontal flip" min:"0" max:"1"`
	RandAugment    string  `json:"rand_augment" help:"RandAugment in timm's words, such as rand-m9-mstd0.5-inc1; empty for none" alias:"aa,auto_augment,randaugment"`
	EraseProb      float64 `json:"erase_prob" help:"probability of random erasing" min:"0" max:"1" alias:"reprob"`
	EraseMode      string  `json:"erase_mode" help:"what random erasing writes: pixel, rand or const" alias:"remode"`
	EraseCount     int     `json:"erase_count" help:"boxes that random erasing erases at most" min:"0" max:"1000" alias:"recount"`
	Mixup          float64 `json:"mixup" help:"alpha of mixup; 0 for none" min:"0" max:"1000" alias:"mixup_alpha"`
	Cutmix         float64 `json:"cutmix" help:"alpha of cutmix; 0 for none" min:"0" max:"1000" alias:"cutmix_alpha"`
	MixProb        float64 `json:"mix_prob" help:"probability of mixing a batch, by mixup or cutmix" min:"0" max:"1" alias:"mixup_prob"`
	SwitchProb     float64 `json:"switch_prob" help:"probability of cutmix where both are possible" min:"0" max:"1" alias:"mixup_switch_prob"`
	MixMode        string  `json:"mix_mode" help:"what one draw of mixing is for: batch, pair or elem" alias:"mixup_mode"`
	LabelSmoothing float64 `json:"label_smoothing" help:"label smoothing of the targets" min:"0" max:"1" alias:"smoothing"`
}

// FinetuneOptimizer says how AdamW goes over the epochs.
type FinetuneOptimizer struct {
	LayerDecay       float64 `json:"layer_decay" help:"learning rate of a layer, as a part of that of the next one; 1 gives all the same" above:"0" max:"1"`
	LayerDecayGroups string  `json:"layer_decay_groups" help:"layer of the final norm: timm (beside the last block) or beit (beside the classifier)"`
	Schedule         string  `json:"schedule" help:"of the learning rate: step (warm-up and cosine by the step), patchmix (by the epoch, as the published code executes it) or mae"`
	BaseLR           float64 `json:"base_lr" help:"peak learning rate of the classifier for a batch of 256; it is multiplied by batch/256" min:"0" max:"1e3" alias:"lr,learning_rate,blr"`
	WarmupEpochs     float64 `json:"warmup_epochs" help:"epochs of linear warm-up of the learning rate" min:"0" max:"1e6" alias:"warmup"`
	WarmupLR         float64 `json:"warmup_lr" help:"learning rate at the start of the warm-up" min:"0" max:"1e3"`
	MinLR            float64 `json:"min_lr" help:"learning rate at the end of the cosine schedule" min:"0" max:"1e3"`
	WeightDecay      float64 `json:"weight_decay" help:"weight decay of matrices" min:"0" max:"1e3" alias:"wd"`
}

// The schedules of a learning rate.
const (
	scheduleStep     = "step"
	schedulePatchMix = "patchmix"
	scheduleMAE      = "mae"
)

const taskFinetune = "finetune"

var _ = Register(Task{
	Name: taskFinetune, Summary: "train a classifier on an encoder, all weights", Paper: "arXiv 2306.12243, arXiv 2012.12877",
	New: func() Recipe { return new(tinyClassifier(finetuneImageNet)) },
})

var (
	_ Recipe      = (*Finetune)(nil)
	_ Initialised = (*Finetune)(nil)
	_ Evaluated   = (*Finetune)(nil)
	_ Exported    = (*Finetune)(nil)
	_ Sized       = (*Finetune)(nil)
)

// TaskName implements Recipe.
func (r *Finetune) TaskName() string { return taskFinetune }

// BatchSize implements Recipe.
func (r *Finetune) BatchSize() int { return r.Batch }

// Validate implements Recipe.
func (r *Finetune) Validate() error {
	if r.Task != taskFinetune {
		return fmt.Errorf("task is %q, want %s: other tasks have other keys", r.Task, taskFinetune)
	}
	if err := r.ClassifierConfig.Validate(); err != nil {
		return err
	}
	if err := builders.LayerGroups(r.LayerDecayGroups).Check(); err != nil {
		return fmt.Errorf("layer_decay_groups: %w", err)
	}
	if _, err := r.Augmentation.transforms(r.ImageSize); err != nil {
		return fmt.Errorf("rand_augment: %w", err)
	}
	switch {
	case r.Schedule != scheduleStep && r.Schedule != schedulePatchMix && r.Schedule != scheduleMAE:
		return fmt.Errorf("schedule is %q, want %s, %s or %s", r.Schedule, scheduleStep, schedulePatchMix, scheduleMAE)
	case r.Schedule == schedulePatchMix && r.WarmupEpochs != math.Trunc(r.WarmupEpochs):
		return fmt.Errorf("warmup_epochs is %g, and schedule %s goes by whole epochs", r.WarmupEpochs, schedulePatchMix)
	case r.WarmupEpochs > float64(r.Epochs):
		return fmt.Errorf("warmup_epochs is %g, more than epochs, which is %d", r.WarmupEpochs, r.Epochs)
	}
	return nil
}

// transforms are those of an image of a size.
func (a Augmentation) transforms(size int) ([]images.Transform, error) {
	var augment []images.Transform
	if a.RandAugment != "" {
		t, err := images.ParseRandAugment(a.RandAugment)
		if err != nil {
			return nil, err
		}
		t.Fill = images.MeanColor(images.ImageNetMean)
		augment = append(augment, t)
	}
	list := images.FinetuneTransforms(size, augment...)
	for i, t := range list {
		switch t := t.(type) {
		case images.RandomResizedCrop:
			t.Scale[0] = a.CropScaleMin
			list[i] = t
		case images.RandomFlip:
			list[i] = images.RandomFlip{P: a.FlipProb}
		}
	}
	return list, nil
}

// labelled is how batches of images of a size in so many classes are made.
func (a Augmentation) labelled(size, classes int, c images.LoaderConfig) (images.LabelledConfig, error) {
	transforms, err := a.transforms(size)
	if err != nil {
		return images.LabelledConfig{}, err
	}
	labelled := images.LabelledConfig{
		LoaderConfig: c, Classes: classes, Size: size, Transforms: transforms, Mean: images.ImageNetMean, Std: images.ImageNetStd,
		Erasing:   images.RandomErasing{P: a.EraseProb, Mode: a.EraseMode, Count: a.EraseCount},
		Smoothing: a.LabelSmoothing,
	}
	if a.Mixup > 0 || a.Cutmix > 0 {
		labelled.Mixup = &images.Mixup{MixupAlpha: a.Mixup, CutmixAlpha: a.Cutmix, Prob: a.MixProb, SwitchProb: a.SwitchProb, Mode: a.MixMode}
	}
	return labelled, nil
}

// finetuneStep is the configuration in a step's description.
type finetuneStep struct {
	builders.ClassifierConfig
	LayerDecay       float64 `json:"layer_decay"`
	LayerDecayGroups string  `json:"layer_decay_groups"`
}

// Plan implements Recipe.
func (r *Finetune) Plan() (*builders.Plan, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.Classes < 2 {
		return nil, fmt.Errorf("classes is %d, want 2 or more: set classes, or name images in classes", r.Classes)
	}
	return &builders.Plan{
		Task: taskFinetune, Config: finetuneStep{r.ClassifierConfig, r.LayerDecay, r.LayerDecayGroups}, ClipGrad: r.ClipGrad,
		Model:  func(d *builders.Draft) { builders.TrainClassifier(d, r.ClassifierConfig) },
		Groups: builders.LayerDecay(builders.LayerGroups(r.LayerDecayGroups), r.Depth, r.LayerDecay),
	}, nil
}

// Architecture implements Recipe.
func (r *Finetune) Architecture() builders.ArchitectureInfo {
	return builders.Architecture(r.ViTConfig)
}

// Adopt implements Initialised.
func (r *Finetune) Adopt(c builders.ViTConfig) {
	c.Epsilon = 0 // is not a key
	r.ViTConfig = c
}

// Encoders implements Initialised: the classifier's parameters have no prefix.
func (r *Finetune) Encoders() []string { return []string{""} }

// Warmup is the length of the warm-up in epochs, to scale with them.
func (r *Finetune) Warmup() *float64 { return &r.WarmupEpochs }

// Schedules implements Recipe.
func (r *Finetune) Schedules(stepsPerEpoch int) training.Schedules {
	total, warmup := int64(r.Epochs)*int64(stepsPerEpoch), int64(math.Round(r.WarmupEpochs*float64(stepsPerEpoch)))
	peak := training.PeakLR(r.BaseLR, r.Batch)
	lr := training.WarmupCosine(r.WarmupLR, peak, r.MinLR, warmup, total)
	switch r.Schedule {
	case schedulePatchMix:
		lr = training.ByEpoch(training.PatchMixCosine(r.WarmupLR, peak, r.MinLR, int64(r.WarmupEpochs), int64(r.Epochs)), stepsPerEpoch)
	case scheduleMAE:
		lr = training.MAECosine(peak, r.MinLR, warmup, total)
	}
	return training.Schedules{step.HyperLR: lr, step.HyperWeightDecay: training.Constant(r.WeightDecay)}
}

// Open implements Recipe. Where the recipe does not say how many classes there are, it
// takes those of the images.
func (r *Finetune) Open(ctx context.Context, o OpenOptions) (Data, error) {
	pictures, err := OpenImages(ctx, r.Common(), o)
	if err != nil {
		return nil, err
	}
	if r.Classes == 0 {
		r.Classes = classesOf(pictures.Train)
	}
	config, err := r.Augmentation.labelled(r.ImageSize, r.Classes, images.LoaderConfig{Batch: r.Batch, Seed: r.Seed})
	if err != nil {
		return nil, &RecipeError{err}
	}
	return newSupervisedData(pictures, config, o.Remedy, func(f Feeder) Feeder {
		if r.DropPath == 0 {
			return f
		}
		return withDropPath(f, r.Seed, r.DropPath, r.Depth, r.Batch)
	})
}

// The accuracies of a classifier on test images, in percent.
const (
	testTop1 = "test_top1"
	testTop5 = "test_top5"
	testLoss = "test_loss" // cross entropy, the mean over the images
)

// Evaluation implements Evaluated: the accuracy on test images.
func (r *Finetune) Evaluation(ctx context.Context, d Data, env Env) (*Evaluation, error) {
	data, ok := d.(*supervisedData)
	if !ok {
		return nil, fmt.Errorf("tasks: %s evaluates images that its own Open gave, not %T", taskFinetune, d)
	}
	e, test, err := testEvaluation(ctx, data)
	if err != nil || e.Skipped != "" {
		return e, err
	}
	e.Measure = func(ctx context.Context, l *training.Loop) (map[string]float64, error) {
		state, err := l.Session.State()
		if err != nil {
			return nil, err
		}
		c, err := r.classify(ctx, env, state, test, l.Progress)
		if err != nil {
			return nil, err
		}
		return map[string]float64{testTop1: 100 * c.Accuracy(), testTop5: 100 * c.AccuracyTop5(), testLoss: c.Loss / float64(c.Images)}, nil
	}
	return e, nil
}

// classify classifies test images with the weights of a state.
func (r *Finetune) classify(ctx context.Context, env Env, state step.State, test images.Dataset, progress func(what string, done, total int64)) (*evaluation.Classification, error) {
	model, err := builders.ExportClassifier(r.ClassifierConfig, state, nil, r.preprocessing(), builders.EncoderOptions{})
	if err != nil {
		return nil, err
	}
	m := &ClassifierModel{Name: "the classifier", Model: model, Info: builders.NewClassifierInfo(r.ClassifierConfig, nil, r.preprocessing())}
	env.Progress = func(_ string, done, total int64) { progress("test images", done, total) }
	return m.Measure(ctx, env, test, evalBatch)
}

// preprocessing is what test images go through.
func (r *Finetune) preprocessing() builders.Preprocessing {
	t := images.FinetuneEval(r.ImageSize)
	return builders.Preprocessing{Resize: t.Resize, Crop: t.Size, Interpolation: "bicubic"}
}

// Outputs implements Exported.
func (r *Finetune) Outputs() []string { return []string{artifacts.ClassifierName} }

// Export implements Exported: the classifier as ONNX and its weights beside it.
func (r *Finetune) Export(ctx context.Context, run *artifacts.RunDir, env Env) ([]string, error) {
	return r.ExportTo(ctx, run, run.Path(artifacts.ClassifierName), builders.EncoderOptions{}, env)
}

// ExportTo writes a run's classifier under a name, with options.
func (r *Finetune) ExportTo(ctx context.Context, run *artifacts.RunDir, path string, o builders.EncoderOptions, env Env) ([]string, error) {
	classifier, err := r.readClassifier(ctx, run)
	if err != nil {
		return nil, err
	}
	files, err := classifier.Write(ctx, path, o, verifier(path, env))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("wrote %s (%d classes, after step %d): %s", f.Path, r.Classes, classifier.Step, agreement(f)))
	}
	return lines, nil
}

// readClassifier takes the classifier of a run's newest checkpoint.
func (r *Finetune) readClassifier(ctx context.Context, run *artifacts.RunDir) (*export.Classifier, error) {
	classifier, err := export.ReadClassifier(ctx, run.Path(), r.ClassifierConfig)
	if err != nil {
		return nil, err
	}
	manifest, err := run.ReadManifest()
	if err != nil {
		return nil, err
	}
	classifier.Classes, classifier.Preprocessing = manifest.Classes, r.preprocessing()
	return classifier, nil
}
