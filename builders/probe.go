package builders

import (
	"fmt"
	"slices"

	"pmx/internal/keys"
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// What a head takes behind the class tokens.
const (
	ProbeToken     = "token"      // nothing
	ProbeTokenMean = "token+mean" // the mean of the last block's patch tokens
	ProbeBoth      = "both"       // a head of either kind
)

// The optimizers of a linear probe.
const (
	ProbeNesterov = "nesterov"
	ProbeSGD      = "sgd"
	ProbeAdamW    = "adamw"
	ProbeLARS     = "lars"
)

// ProbeConfig is everything that shapes linear classifiers (heads) on a frozen ViT and
// the step that trains them beside each other: a head for each learning rate and each
// feature. The tags are the keys of a recipe (package keys).
type ProbeConfig struct {
	ViTConfig
	Classes   int       `json:"classes" help:"number of classes; 0 takes those of the images" min:"0" max:"1e6" alias:"num_classes,nb_classes"`
	Batch     int       `json:"batch" help:"images of a step (batch size)" min:"1" max:"65536" alias:"batch_size,bs,b"`
	Rates     []float64 `json:"rates" help:"learning rates for a batch of 256, a head each; they are multiplied by batch/256. 0 is the published rate of the encoder's width: 0.05 up to 192, 0.02 up to 384, else 0.01" min:"0" max:"1e3" alias:"base_lr,lr,learning_rate,learning_rates,blr"`
	Blocks    IntSet    `json:"probe_blocks" help:"heads take the class tokens of so many of the last blocks, through the final norm; of several numbers (1,4), a head each" min:"1" max:"1024" alias:"n_last_blocks"`
	Pool      string    `json:"probe_pool" help:"what heads take beside: token (nothing), token+mean (the mean of the patch tokens), or both, a head each" alias:"avgpool"`
	HeadNorm  bool      `json:"head_norm" help:"batch norm without scale and shift before the head, as MAE has it"`
	HeadStd   float64   `json:"head_std" help:"standard deviation of the heads' initial weights; 0 draws them as PyTorch does, uniform in ±1/√width" min:"0" max:"10"`
	Optimizer string    `json:"optimizer" help:"nesterov, sgd (both with momentum 0.9), adamw or lars"`
	Cached    bool      `json:"cache_features" help:"compute the features of all training images once, without augmentation, and train the heads on those"`
}

// Validate says what is wrong with the configuration, if anything, naming the key.
// Classes may still be 0.
func (c ProbeConfig) Validate() error {
	if err := keys.Validate(c); err != nil {
		return fmt.Errorf("builders: %w", err)
	}
	if err := c.ViTConfig.Validate(); err != nil {
		return err
	}
	switch {
	case len(c.Rates) == 0:
		return fmt.Errorf("builders: rates is empty, want one learning rate or several")
	case len(c.Blocks) == 0:
		return fmt.Errorf("builders: probe_blocks is empty, want one number or several")
	case slices.Max(c.Blocks) > c.Depth:
		return fmt.Errorf("builders: probe_blocks is %d, more than the %d blocks of the encoder", slices.Max(c.Blocks), c.Depth)
	case c.Pool != ProbeToken && c.Pool != ProbeTokenMean && c.Pool != ProbeBoth:
		return fmt.Errorf("builders: probe_pool is %q, want %s, %s or %s", c.Pool, ProbeToken, ProbeTokenMean, ProbeBoth)
	case c.HeadNorm && c.Batch < 2:
		return fmt.Errorf("builders: batch is 1, and head_norm needs the statistics of 2 images or more")
	}
	if _, err := c.optimizer(); err != nil {
		return err
	}
	if largest := float64(c.Batch) * max(c.largestArray(c.ImageSize), float64(c.Classes)*float64(len(c.Rates))); largest >= countable {
		return fmt.Errorf("builders: a step would have arrays of %.1g elements, more than can be counted: lower batch, image_size or dim, or take a larger patch_size", largest)
	}
	return nil
}

func (c ProbeConfig) optimizer() (Optimizer, error) {
	switch c.Optimizer {
	case ProbeNesterov:
		return SGD{Momentum: 0.9, Nesterov: true}, nil
	case ProbeSGD:
		return SGD{Momentum: 0.9}, nil
	case ProbeAdamW:
		return AdamW{}, nil
	case ProbeLARS:
		return LARS{Momentum: 0.9, Trust: 0.001}, nil
	}
	return nil, fmt.Errorf("builders: optimizer is %q, want %s, %s, %s or %s", c.Optimizer, ProbeNesterov, ProbeSGD, ProbeAdamW, ProbeLARS)
}

// Features are what the heads take, in the order of the heads.
func (c ProbeConfig) Features() []Feature {
	var out []Feature
	for _, blocks := range c.Blocks {
		if c.Pool != ProbeTokenMean {
			out = append(out, Feature{Blocks: blocks})
		}
		if c.Pool != ProbeToken {
			out = append(out, Feature{Blocks: blocks, Mean: true})
		}
	}
	return out
}

// whole is the feature that has all others as parts.
func (c ProbeConfig) whole() Feature {
	return Feature{Blocks: slices.Max(c.Blocks), Mean: c.Pool != ProbeToken}
}

// Width is the number of values of the features of an image, each stored once: the class
// tokens of the last blocks, the oldest first, and where a head takes it the mean of the
// patch tokens.
func (c ProbeConfig) Width() int { return c.whole().Width(c.Dim) }

// columns are those of a feature in all features of an image: from, to.
func (c ProbeConfig) columns(f Feature) (from, to int) {
	from = (c.whole().Blocks - f.Blocks) * c.Dim
	return from, from + f.Width(c.Dim)
}

// Name is what parameters of the heads of a feature are called by: last4_mean.
func (f Feature) Name() string {
	name := fmt.Sprintf("last%d", f.Blocks)
	if f.Mean {
		name += "_mean"
	}
	return name
}

// probeHeads are the heads of all learning rates of one feature. Their weights stand
// below each other, [rates·classes width], so that they are one product.
type probeHeads struct {
	from, to int        // columns of the features of an image
	norm     *BatchNorm // nil without
	linear   *Linear
}

// ProbeHeads are the linear classifiers of a probe.
type ProbeHeads struct {
	config ProbeConfig
	groups []probeHeads
	names  []string
}

// newProbeHeads makes heads.NAME.weight [rates·classes width] and bias [rates·classes]
// for each feature, and with batch norm the running statistics of head_norm.NAME.
func newProbeHeads(s Scope, c ProbeConfig) *ProbeHeads {
	h := &ProbeHeads{config: c}
	for _, f := range c.Features() {
		from, to := c.columns(f)
		h.add(s, f.Name(), from, to)
	}
	return h
}

func (h *ProbeHeads) add(s Scope, name string, from, to int) {
	c := h.config
	g := probeHeads{from: from, to: to}
	if c.HeadNorm {
		g.norm = NewBatchNorm(s.Sub("head_norm").Sub(name), to-from, false)
		g.norm.epsilon = headNormEpsilon
	}
	g.linear = newClassHead(s.Sub("heads").Sub(name), to-from, len(c.Rates)*c.Classes, c.HeadStd)
	h.groups, h.names = append(h.groups, g), append(h.names, name)
}

// headNormEpsilon is that of MAE's batch norm before the head.
const headNormEpsilon = 1e-6

// forward gives the logits [B·rates classes] of each feature, from the features of
// images x [B width].
func (h *ProbeHeads) forward(x *onnxgraph.Value) []*onnxgraph.Value {
	var out []*onnxgraph.Value
	for i, g := range h.groups {
		leave := x.Graph().Scope(h.names[i])
		y := x
		if g.to-g.from != x.Shape[1] {
			y = op.Slice(x, 1, g.from, g.to)
		}
		if g.norm != nil {
			y = g.norm.Forward(y)
		}
		out = append(out, op.Reshape(g.linear.Forward(y), -1, h.config.Classes))
		leave()
	}
	return out
}

// FeaturesFeed is the feed of cached features, [N width].
const FeaturesFeed = "features"

// trainProbe adds what a step trains heads with: feeds of a batch of images, or of their
// features, and of their targets. The loss is the sum of the heads' cross entropies, each
// the mean over the batch, so that a head learns as it does alone; the step reports the
// mean of each feature's heads beside it.
func trainProbe(d *Draft, c ProbeConfig) {
	heads := newProbeHeads(d.Params(""), c)
	var x *onnxgraph.Value
	if c.Cached {
		x = d.Feed(FeaturesFeed, onnxgraph.Float32, step.Normal, c.Batch, c.Width())
	} else {
		vit := NewViT(d.Frozen(""), c.ViTConfig)
		x = vit.wholeFeature(d.Feed(ImageFeed, onnxgraph.Float32, step.Normal, c.Batch, 3, c.ImageSize, c.ImageSize), c)
	}
	heads.minimise(d, x)
}

// minimise adds the targets and the loss.
func (h *ProbeHeads) minimise(d *Draft, x *onnxgraph.Value) {
	c := h.config
	rates := len(c.Rates)
	target := d.Feed(TargetFeed, onnxgraph.Float32, step.Identity, c.Batch, c.Classes)
	target = op.Reshape(op.Tile(op.Reshape(target, -1, 1, c.Classes), 1, rates, 1), -1, c.Classes)
	var sums []*onnxgraph.Value
	var parts []Metric
	for i, logits := range h.forward(x) {
		loss := op.SoftTargetCrossEntropy(logits, target)
		parts = append(parts, Metric{"loss_" + h.names[i], loss})
		sums = append(sums, op.Mul(loss, op.Scalar(loss, float64(rates))))
	}
	d.Minimise(op.Sum(sums...), parts...)
}

// wholeFeature is all features of images, [B c.Width()].
func (v *ViT) wholeFeature(x *onnxgraph.Value, c ProbeConfig) *onnxgraph.Value {
	return v.ForwardFeatures(x, c.whole()).Of(c.whole())
}

// ProbePlan is what a step that trains heads is built of.
func ProbePlan(task string, config any, c ProbeConfig) (*Plan, error) {
	return probePlan(task, config, c, func(d *Draft) { trainProbe(d, c) })
}

// VectorPlan is the plan of heads on vectors of a width, such as pixels: a head each for
// the learning rates of c, on a feed FeaturesFeed [batch width].
func VectorPlan(task string, config any, c ProbeConfig, width int) (*Plan, error) {
	return probePlan(task, config, c, func(d *Draft) {
		heads := newVectorHeads(d.Params(""), c, width)
		heads.minimise(d, d.Feed(FeaturesFeed, onnxgraph.Float32, step.Normal, c.Batch, width))
	})
}

func newVectorHeads(s Scope, c ProbeConfig, width int) *ProbeHeads {
	h := &ProbeHeads{config: c}
	h.add(s, "vector", 0, width)
	return h
}

func probePlan(task string, config any, c ProbeConfig, model func(d *Draft)) (*Plan, error) {
	optimizer, err := c.optimizer()
	if err != nil {
		return nil, err
	}
	return &Plan{
		Task: task, Config: config, Model: model, Optimizer: optimizer, RunningStatistics: c.HeadNorm,
		Groups: func(p *Param) Group {
			g := DecayMatrices(p)
			g.Parts = c.Rates
			return g
		},
	}, nil
}

// ProbeFeatures writes the encoder of a probe as a model for inference: EncoderInput to
// FeaturesFeed, float [N c.Width()]. weights holds its parameters under timm's names.
func ProbeFeatures(c ProbeConfig, weights map[string]*onnxgraph.Tensor) (*onnxgraph.Model, error) {
	return InferenceModel("probe_features", weights, EncoderProperty, Architecture(c.ViTConfig), func(g *onnxgraph.Graph, s Scope) {
		x := encoderInput(g, c.ViTConfig, EncoderOptions{})
		g.Output(FeaturesFeed, NewViT(s, c.ViTConfig).wholeFeature(x, c)).NameDims("batch", "")
	})
}

// ProbeClassifiers is a model of the heads: from FeaturesFeed [N c.Width()], and the heads'
// parameters and statistics as inputs under their names, to logits [N·rates classes], an
// output for each feature under its Name. vector is the width of the heads of a
// VectorPlan, whose output is "vector"; 0 for others.
func ProbeClassifiers(c ProbeConfig, vector int) (*onnxgraph.Model, error) {
	g, err := onnxgraph.Build("probe_heads", func(g *onnxgraph.Graph) {
		width := c.Width()
		if vector > 0 {
			width = vector
		}
		x := g.Input(FeaturesFeed, onnxgraph.Float32, onnxgraph.Dynamic, width)
		params := InputParams(g)
		if c.HeadNorm {
			params.statistics = newRunningStatistics(g, true)
		}
		var heads *ProbeHeads
		if vector > 0 {
			heads = newVectorHeads(params.Root(""), c, vector)
		} else {
			heads = newProbeHeads(params.Root(""), c)
		}
		for i, logits := range heads.forward(x) {
			g.Output(heads.names[i], logits)
		}
	})
	if err != nil {
		return nil, err
	}
	return &onnxgraph.Model{Graph: g}, nil
}

// Sizes says how much memory a step of a valid configuration takes at least.
func (c ProbeConfig) Sizes() Sizes {
	const float = 4
	var s Sizes
	params := namedParams()
	newProbeHeads(params.Root(""), c)
	for _, p := range params.List() {
		s.add(p, trainedCopies)
	}
	batch := float64(c.Batch)
	if c.Cached {
		s.Activations = float * batch * float64(c.Width())
		return s
	}
	encoder := namedParams()
	NewViT(encoder.Root(""), c.ViTConfig)
	for _, p := range encoder.List() {
		s.add(p, 1)
	}
	s.Images = float * 3 * batch * square(c.ImageSize)
	s.Activations = float * batch * float64(1+c.Tokens(c.ImageSize)) * float64(c.MLPRatio) * float64(c.Dim)
	return s
}
