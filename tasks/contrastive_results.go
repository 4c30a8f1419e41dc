package tasks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/evaluation"
	"pmx/export"
	"pmx/images"
	"pmx/internal/cancel"
	"pmx/internal/progress"
	"pmx/training"
)

// evalBatch is how many images are evaluated at a time.
const evalBatch = 64

// knnTop1 is the accuracy that stands for an encoder's quality while it is trained,
// in percent.
const knnTop1 = "knn_top1"

// Evaluation implements Evaluated: kNN accuracy, where the images have classes and
// there are test images.
func (r *Contrastive) Evaluation(ctx context.Context, d Data, env Env) (*Evaluation, error) {
	data, ok := d.(*contrastiveData)
	if !ok {
		return nil, fmt.Errorf("tasks: %s evaluates images that its own Open gave, not %T", r.Method, d)
	}
	bank, queries, err := LabelledSplits(ctx, data.Splits, "a new run with --set hold_out=0.1")
	if unlabelled, ok := errors.AsType[*UnlabelledError](err); ok {
		return &Evaluation{Skipped: "kNN accuracy is not measured: " + strings.TrimPrefix(unlabelled.Error(), "images: ")}, nil
	}
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Notes: AccuracyNotes(bank, queries), Key: knnTop1, Untrained: true}
	if e.Data, err = dataInfo(ctx, queries); err != nil {
		return nil, err
	}
	knn := evaluation.OnlineKNN{
		Config: r.ViTConfig, Encoder: builders.FeatureEncoder(r.MomentumEncoder), Runtime: env.Runtime, Options: env.Options,
		Bank:    EvalBatches(ctx, bank, r.ImageSize, evalBatch, false),
		Queries: EvalBatches(ctx, queries, r.ImageSize, evalBatch, false),
		Images:  bank.Len() + queries.Len(),
	}
	pixels := math.NaN() // the accuracy of raw pixels, measured once
	e.Measure = func(ctx context.Context, l *training.Loop) (map[string]float64, error) {
		state, err := l.Session.State()
		if err != nil {
			return nil, err
		}
		knn.Progress = l.Progress
		if math.IsNaN(pixels) && rawPixelBytes(r.ImageSize, bank, queries) <= maxRawPixels {
			a, err := knn.RawPixels(ctx)
			if err != nil {
				return nil, err
			}
			pixels = a.Top1
		}
		a, err := knn.Measure(ctx, state)
		if err != nil {
			return nil, err
		}
		return map[string]float64{knnTop1: 100 * a.Top1, "knn_top5": 100 * a.Top5}, nil
	}
	e.Probe = func(ctx context.Context, l *training.Loop) (map[string]float64, error) {
		state, err := l.Session.State()
		if err != nil {
			return nil, err
		}
		return onlineProbe(ctx, r, builders.Under(builders.FeatureEncoder(r.MomentumEncoder), state), ProbeOptions{
			Env: Env{Runtime: env.Runtime, Options: env.Options, Progress: l.Progress}, Train: bank, Test: queries,
		})
	}
	e.Summary = func(c Course) string { return knnSummary(c, queries.Len(), Majority(bank, queries), pixels) }
	return e, nil
}

// knnSummary tells, of accuracies in percent on n images, how sure their difference is
// and what they have to beat, 0 to 1: the largest class and the pixels (NaN: not measured).
func knnSummary(c Course, n int, majority, pixels float64) string {
	text := fmt.Sprintf("kNN top-1 (k=20): %s %.2f%%, trained %.2f%%, %+.2f points (standard error %.2f) on %s test images\n",
		c.Start(), c.Untrained, c.Last, c.Last-c.Untrained, 100*evaluation.DifferenceError(c.Untrained/100, c.Last/100, n), progress.Count(int64(n)))
	text += "to compare: "
	if !math.IsNaN(pixels) {
		text += fmt.Sprintf("raw pixels %.2f%%, ", 100*pixels)
	}
	return text + fmt.Sprintf("always the largest class %.2f%%", 100*majority)
}

// maxRawPixels bounds the memory of the raw pixels of a data set's images as features.
const maxRawPixels = 1 << 30

// rawPixelBytes is what they take, as float32.
func rawPixelBytes(side int, bank, queries images.Dataset) int64 {
	return int64(bank.Len()+queries.Len()) * 3 * int64(side) * int64(side) * 4
}

// Outputs implements Exported.
func (r *Contrastive) Outputs() []string { return []string{artifacts.EncoderName} }

// Export implements Exported: the encoder as ONNX and its weights beside it.
func (r *Contrastive) Export(ctx context.Context, run *artifacts.RunDir, env Env) ([]string, error) {
	encoder, err := export.ReadEncoder(ctx, run.Path(), "")
	if err != nil {
		return nil, err
	}
	return ExportEncoder(ctx, encoder, run.Path(artifacts.EncoderName), builders.EncoderOptions{}, env)
}

// ExportEncoder writes an encoder's files, verifies them, and gives a line about each.
func ExportEncoder(ctx context.Context, e *export.Encoder, path string, o builders.EncoderOptions, env Env) ([]string, error) {
	files, err := e.Write(ctx, path, o, verifier(path, env))
	if err != nil {
		return nil, err
	}
	which := fmt.Sprintf("%s after step %d", e.Name(), e.Step)
	if e.Step == 0 && e.Root == "" {
		which = "from " + e.Path
	}
	var lines []string
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("wrote %s (%s): %s", f.Path, which, agreement(f)))
	}
	return append(lines, usageNotes(e.Config, o)...), nil
}

// usageNotes say what users of an exported encoder have to know beyond its inputs' names.
func usageNotes(c builders.ViTConfig, o builders.EncoderOptions) (notes []string) {
	switch {
	case o.Preprocessing && o.DynamicSize:
		notes = append(notes, fmt.Sprintf("it takes RGB bytes [N height width 3] whose sides are multiples of %d; it was trained at %d", c.PatchSize, c.ImageSize))
	case o.Preprocessing:
		notes = append(notes, fmt.Sprintf("it takes RGB bytes [N %d %d 3]: resize and crop images to this size first", c.ImageSize, c.ImageSize))
	}
	if of, timm := c.Heads, c.Dim/timmHeadWidth; c.Dim%timmHeadWidth == 0 && of != timm {
		notes = append(notes, fmt.Sprintf("it has %d attention heads, and timm's models of width %d have %d: load the weights there with num_heads=%d", of, c.Dim, timm, of))
	}
	return notes
}

// timmHeadWidth is the width of an attention head in timm's vision transformers.
const timmHeadWidth = 64

// verifier compares what is written under a name with the training graph.
func verifier(path string, env Env) *export.Verifier {
	v := &export.Verifier{Runtime: env.Runtime, Options: env.Options}
	if env.Progress != nil {
		v.Progress = func(done, total int64) { env.Progress("verifying "+path, done, total) }
	}
	return v
}

// agreement says what a verified file was found to be.
func agreement(f export.File) string {
	return fmt.Sprintf("features agree with the training graph's to %.1g of the largest", f.Difference)
}

// dataInfo identifies images.
func dataInfo(ctx context.Context, d images.Dataset) (artifacts.DataInfo, error) {
	digest, err := cancel.Unless(ctx, d.Digest)
	return artifacts.DataInfo{Name: d.Name(), Samples: d.Len(), Digest: digest}, err
}
