package tasks

import (
	"fmt"
	"math"
	"slices"

	"pmx/builders"
	"pmx/builders/detect"
	"pmx/step"
	"pmx/training"
)

// MaskRCNN is the recipe of a detector: Mask R-CNN on a ViT (arXiv 1703.06870,
// 2203.16527), with detectron2's heads, losses and groups.
type MaskRCNN struct {
	Task string `json:"task" help:"what is trained: maskrcnn"`
	Base
	detect.Config
	Pictures
	DetectorOptimizer
	CategoryIDs []int `json:"category_ids" help:"ids of the classes in the annotations, by index; taken from them"`
}

// Pictures says what pictures with objects go through.
type Pictures struct {
	ScaleMin   float64 `json:"scale_min" help:"large-scale jitter: least size, as a part of the one that fits the square; 0: no jitter" min:"0" max:"10"`
	ScaleMax   float64 `json:"scale_max" help:"large-scale jitter: largest size; 0: no jitter" min:"0" max:"10"`
	Shortest   []int   `json:"shortest" help:"lengths of the shorter side, one of which is drawn, where there is no jitter; empty: what fits the square" min:"1" max:"8192"`
	FlipProb   float64 `json:"flip_prob" help:"probability of a horizontal flip" min:"0" max:"1"`
	MaxObjects int     `json:"max_objects" help:"most objects of a picture that are trained on" min:"1" max:"10000"`
}

// DetectorOptimizer says how AdamW goes over the steps.
type DetectorOptimizer struct {
	LR           float64   `json:"lr" help:"peak learning rate, for the recipe's own batch" min:"0" max:"1e3" alias:"base_lr,learning_rate"`
	LayerDecay   float64   `json:"layer_decay" help:"learning rate of a layer of the ViT, as a part of that of the next one; 1 gives all the same" above:"0" max:"1"`
	WeightDecay  float64   `json:"weight_decay" help:"weight decay, see the groups of the recipe" min:"0" max:"1e3" alias:"wd"`
	Schedule     string    `json:"schedule" help:"of the learning rate after the warm-up: step (a tenth at each of lr_drops) or cosine"`
	LRDrops      []float64 `json:"lr_drops" help:"parts of the run after which schedule step takes a tenth of the learning rate" above:"0" max:"1"`
	MinLR        float64   `json:"min_lr" help:"learning rate at the end of schedule cosine" min:"0" max:"1e3"`
	WarmupSteps  int       `json:"warmup_steps" help:"steps of linear warm-up of the learning rate" min:"0" max:"1e9"`
	WarmupFactor float64   `json:"warmup_factor" help:"part of the learning rate at the start of the warm-up" min:"0" max:"1"`
}

const taskMaskRCNN = "maskrcnn"

const scheduleCosine = "cosine"

var _ = Register(Task{
	Name: taskMaskRCNN, Summary: "train a detector of objects and their masks on an encoder", Paper: "arXiv 1703.06870, arXiv 2203.16527",
	New: func() Recipe { return Clone(new(tinyDetector(vitdet))) },
})

var (
	_ Recipe = (*MaskRCNN)(nil)
	_ Sized  = (*MaskRCNN)(nil)
)

// TaskName implements Recipe.
func (r *MaskRCNN) TaskName() string { return taskMaskRCNN }

// BatchSize implements Recipe.
func (r *MaskRCNN) BatchSize() int { return r.Batch }

// Validate implements Recipe.
func (r *MaskRCNN) Validate() error {
	if r.Task != taskMaskRCNN {
		return fmt.Errorf("task is %q, want %s: other tasks have other keys", r.Task, taskMaskRCNN)
	}
	if err := r.Config.Validate(); err != nil {
		return err
	}
	switch {
	case r.Schedule != scheduleStep && r.Schedule != scheduleCosine:
		return fmt.Errorf("schedule is %q, want %s or %s", r.Schedule, scheduleStep, scheduleCosine)
	case !slices.IsSorted(r.LRDrops):
		return fmt.Errorf("lr_drops is %v, want rising parts of the run", r.LRDrops)
	}
	if err := r.transform().Check(); err != nil {
		return fmt.Errorf("scale_min, scale_max, shortest, flip_prob: %w", err)
	}
	return nil
}

// detectorStep is the configuration in a step's description.
type detectorStep struct {
	detect.Config
	LayerDecay float64 `json:"layer_decay"`
}

// Plan implements Recipe.
func (r *MaskRCNN) Plan() (*builders.Plan, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.Classes < 1 {
		return nil, fmt.Errorf("classes is %d, want 1 or more: set classes, or name annotated pictures", r.Classes)
	}
	return &builders.Plan{
		Task: taskMaskRCNN, Config: detectorStep{r.Config, r.LayerDecay}, ClipGrad: r.ClipGrad,
		Model:             func(d *builders.Draft) { detect.Train(d, r.Config) },
		Groups:            detect.Groups(r.Config, r.LayerDecay),
		RunningStatistics: r.Backbone == detect.BackboneTaps && r.FPNNorm == detect.NormBatch,
	}, nil
}

// Schedules implements Recipe: the warm-up and the drops of detectron2's recipes, or a
// cosine.
func (r *MaskRCNN) Schedules(stepsPerEpoch int) training.Schedules {
	total := int64(r.Epochs) * int64(stepsPerEpoch)
	warmup := min(int64(r.WarmupSteps), total)
	lr := func(s int64) float64 {
		rate := r.LR
		for _, drop := range r.LRDrops {
			if s >= int64(math.Round(drop*float64(total))) {
				rate /= 10
			}
		}
		return rate
	}
	if r.Schedule == scheduleCosine {
		lr = training.Cosine(r.LR, r.MinLR, total)
	}
	warm := func(s int64) float64 {
		if s >= warmup {
			return lr(s)
		}
		done := float64(s) / float64(warmup)
		return lr(s) * (r.WarmupFactor*(1-done) + done)
	}
	return training.Schedules{step.HyperLR: warm, step.HyperWeightDecay: training.Constant(r.WeightDecay)}
}

// Sizes implements Sized.
func (r *MaskRCNN) Sizes() builders.Sizes { return r.Config.Sizes() }
