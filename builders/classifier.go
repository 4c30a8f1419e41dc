package builders

import (
	"fmt"

	"pmx/internal/keys"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// What of a ViT's tokens a fine-tuned classifier takes.
const (
	PoolToken = "token" // the class token after the final norm
	PoolAvg   = "avg"   // the mean of the patch tokens, then a norm of its own, fc_norm, in place of the final norm
)

// ClassifierConfig is everything that shapes a ViT with a linear classifier on it and
// the step that trains it. The tags are the keys of a recipe (package keys).
type ClassifierConfig struct {
	ViTConfig
	Classes  int     `json:"classes" help:"number of classes; 0 takes those of the images" min:"0" max:"1e6" alias:"num_classes,nb_classes"`
	Pool     string  `json:"pool" help:"what the classifier takes: token (the class token) or avg (the mean of the patch tokens)" alias:"global_pool,pooling"`
	DropPath float64 `json:"drop_path" help:"rate of stochastic depth in the last block; it grows linearly from 0 in the first" min:"0" below:"1"`
	Batch    int     `json:"batch" help:"images of a step (batch size)" min:"1" max:"65536" alias:"batch_size,bs,b"`
	ClipGrad float64 `json:"clip_grad" help:"largest norm of the gradient; 0 does not clip" min:"0" max:"1e9" alias:"clip,grad_clip,max_norm"`
	HeadStd  float64 `json:"head_std" help:"standard deviation of the classifier's initial weights; 0 draws them as PyTorch does, uniform in ±1/√dim" min:"0" max:"10"`
}

// Validate says what is wrong with the configuration, if anything, naming the key.
// Classes may still be 0.
func (c ClassifierConfig) Validate() error {
	if err := keys.Validate(c); err != nil {
		return fmt.Errorf("builders: %w", err)
	}
	if c.Pool != PoolToken && c.Pool != PoolAvg {
		return fmt.Errorf("builders: pool is %q, want %s or %s", c.Pool, PoolToken, PoolAvg)
	}
	if err := c.ViTConfig.Validate(); err != nil {
		return err
	}
	if largest := float64(c.Batch) * max(c.largestArray(c.ImageSize), float64(c.Classes)); largest >= countable {
		return fmt.Errorf("builders: a step would have arrays of %.1g elements, more than can be counted: lower batch, image_size or dim, or take a larger patch_size", largest)
	}
	return nil
}

// Classifier is a ViT with a linear classifier on it, under timm's parameter names.
type Classifier struct {
	config ClassifierConfig
	vit    *ViT
	fcNorm *LayerNorm // of PoolAvg
	head   *Linear
}

// NewClassifier makes the parameters.
func NewClassifier(s Scope, c ClassifierConfig) *Classifier {
	m := &Classifier{config: c}
	if c.Pool == PoolAvg {
		m.vit = NewViTWithoutNorm(s, c.ViTConfig)
		m.fcNorm = NewLayerNorm(s.Sub("fc_norm"), c.Dim).withEpsilon(c.Epsilon)
	} else {
		m.vit = NewViT(s, c.ViTConfig)
	}
	m.head = newClassHead(s.Sub("head"), c.Dim, c.Classes, c.HeadStd)
	return m
}

// Forward gives the logits [B classes] of images x [B 3 H W], normalised.
func (m *Classifier) Forward(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	feature := m.feature(x, drop)
	defer x.Graph().Scope("head")()
	return m.head.Forward(feature)
}

// feature is what the classifier takes, [B dim].
func (m *Classifier) feature(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	if m.fcNorm == nil {
		return m.vit.ForwardClass(x, drop)
	}
	r, tokens := m.vit.forwardBlocks(x, drop)
	return m.fcNorm.ForwardCentred(patchMean(r.Sum(), tokens))
}

// Feeds of supervised training, beside DropPathFeed.
const (
	ImageFeed  = "image"  // [N 3 H W], normalised
	TargetFeed = "target" // [N classes], the part that each class has
)

// TrainClassifier adds what a step trains a classifier with: feeds of a batch of
// images, their targets and drop-path masks, and the cross entropy of soft targets,
// the mean over the batch, as the loss.
func TrainClassifier(d *Draft, c ClassifierConfig) {
	m := NewClassifier(d.Params(""), c)
	image := d.Feed(ImageFeed, onnxgraph.Float32, step.Normal, c.Batch, 3, c.ImageSize, c.ImageSize)
	target := d.Feed(TargetFeed, onnxgraph.Float32, step.Identity, c.Batch, c.Classes)
	drop := d.DropPath(c.DropPath, c.Depth, c.Batch)
	d.Minimise(op.SoftTargetCrossEntropy(m.Forward(image, drop), target))
}

// Sizes says how much memory a step of a valid configuration takes at least.
func (c ClassifierConfig) Sizes() Sizes {
	const float = 4
	s := StateSizes(func(s Scope) { NewClassifier(s, c) })
	batch := float64(c.Batch)
	s.Images = float * 3 * batch * square(c.ImageSize)
	s.Activations = float * batch * float64(1+c.Tokens(c.ImageSize)) * float64(c.Depth-1) * float64(c.MLPRatio) * float64(c.Dim)
	return s
}
