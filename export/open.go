package export

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/weights"
	"pmx/builders"
	"pmx/onnxgraph"
)

// OpenOptions say which encoder Open takes.
type OpenOptions struct {
	// Root is builders.BaseEncoder or MomentumEncoder where there are both; "" is the
	// one that published results are of.
	Root string
	// Heads is the number of attention heads, for files that do not say it; 0 for others.
	Heads int
	// ImageSize, unless 0, is the side of the images that positions are resized to, by
	// Rule, or with "" by the rule of those who published the weights.
	ImageSize int
	Rule      weights.PositionRule
	// FoldNormalisation makes weights for images of another normalisation ones for
	// ImageNet's, by their patch embedding.
	FoldNormalisation bool
}

// Open takes an encoder from a run, a checkpoint, an encoder.onnx that its
// encoder.safetensors lies beside, or a file or folder of any layout that package
// weights knows, pmx's own encoder.safetensors among them. The report is of what was
// read of such a file; nil of a run or checkpoint.
func Open(ctx context.Context, path string, o OpenOptions) (*Encoder, *weights.Report, error) {
	e, report, err := open(ctx, path, o)
	if err == nil {
		err = e.prepare(o, report)
	}
	if err != nil {
		return nil, report, err
	}
	return e, report, nil
}

// prepare resizes positions and folds the normalisation, as the options ask.
func (e *Encoder) prepare(o OpenOptions, report *weights.Report) error {
	if o.FoldNormalisation {
		if err := e.change(func(w *weights.Encoder) error { return w.FoldNormalisation(builders.ImageMean, builders.ImageStd) }); err != nil {
			return err
		}
	}
	if o.ImageSize == 0 {
		return nil
	}
	rule := o.Rule
	if rule == "" && report != nil {
		rule = report.Rule
	}
	return e.Resize(rule, o.ImageSize)
}

// Resize gives the encoder positions for images of another size by a rule, "" being that
// of pmx's own encoders, and says so in its metadata. Other encoders that share its
// tensors keep theirs.
func (e *Encoder) Resize(rule weights.PositionRule, imageSize int) error {
	return e.change(func(w *weights.Encoder) error { return w.Resize(cmp.Or(rule, weights.RuleOffset), imageSize) })
}

// change changes the encoder as package weights has it.
func (e *Encoder) change(by func(w *weights.Encoder) error) error {
	w := e.Weights()
	if err := by(w); err != nil {
		return err
	}
	tensors := maps.Clone(e.Tensors) // with the heads that a checkpoint keeps
	for name, t := range w.Tensors {
		if t != nil { // a classifier on the mean of its patches has no final norm
			tensors[name] = t
		}
	}
	delete(w.Metadata, StepsProperty) // is the field Step
	e.Tensors, e.Metadata, e.Mean, e.Std = tensors, w.Metadata, w.Mean, w.Std
	e.Config.ImageSize = w.ImageSize
	return nil
}

func open(ctx context.Context, path string, o OpenOptions) (*Encoder, *weights.Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("export: %w: name a run, a checkpoint, or a file or folder of weights", err)
	}
	own := !info.IsDir() && isCheckpoint(path)
	if info.IsDir() {
		_, err := os.Stat(artifacts.ManifestPath(path))
		own = err == nil
	}
	if own {
		e, err := ReadEncoder(ctx, path, o.Root)
		return e, nil, err
	}
	if strings.EqualFold(filepath.Ext(path), ModelExt) {
		return openModel(ctx, path)
	}
	branch := map[string]string{builders.BaseEncoder: "base", builders.MomentumEncoder: "momentum"}[o.Root]
	w, report, err := weights.Read(path, weights.Options{Heads: o.Heads, Encoder: branch})
	if err != nil && report == nil { // the file is of no kind that is known
		err = fmt.Errorf("%w: name a run, a checkpoint, an .onnx file of pmx export, or weights (.pth, .safetensors or a folder)", err)
	}
	if err != nil {
		return nil, report, err
	}
	e, err := fromWeights(w, path)
	return e, report, err
}

// fromWeights is a plain vision transformer as an encoder of ours.
func fromWeights(w *weights.Encoder, path string) (*Encoder, error) {
	ratio := int(w.MLPRatio)
	if float64(ratio) != w.MLPRatio {
		return nil, fmt.Errorf("export: %s has an MLP of %g times the width, and pmx builds whole multiples only", path, w.MLPRatio)
	}
	e := &Encoder{
		Config: builders.ViTConfig{ImageSize: w.ImageSize, PatchSize: w.PatchSize, Dim: w.Dim, Depth: w.Depth, Heads: w.Heads, MLPRatio: ratio, Epsilon: w.Epsilon},
		Path:   path, Tensors: w.Tensors, Mean: w.Mean, Std: w.Std, Metadata: w.Metadata,
	}
	if text, ok := w.Metadata[StepsProperty]; ok { // a file of ours
		steps, err := strconv.ParseInt(text, 10, 64)
		if err != nil || steps < 0 {
			return nil, fmt.Errorf("export: %s says %s %q: want a number of steps", path, StepsProperty, text)
		}
		e.Step = steps
	}
	return e, e.Config.Validate()
}

// Weights is the encoder as package weights writes it, without the heads that a
// checkpoint keeps under the encoder's name.
func (e *Encoder) Weights() *weights.Encoder {
	a := e.Architecture()
	w := &weights.Encoder{
		Architecture: weights.Architecture{
			Name: a.Architecture, ImageSize: a.ImageSize, PatchSize: a.PatchSize, Dim: a.Dim, Depth: a.Depth, Heads: a.Heads,
			MLPRatio: float64(a.MLPRatio), Epsilon: a.Epsilon, Mean: a.Mean, Std: a.Std,
		},
		Tensors: map[string]*onnxgraph.Tensor{}, Metadata: map[string]string{StepsProperty: stepsText(e.Step)},
	}
	for _, name := range weights.ParameterNames(a.Depth) {
		w.Tensors[name] = e.Tensors[name]
	}
	for key, value := range e.Metadata {
		w.Metadata[key] = value
	}
	return w
}
