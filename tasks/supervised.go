package tasks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pmx/images"
	"pmx/internal/progress"
	"pmx/onnxgraph"
	"pmx/training"
)

// supervisedData makes batches of images and their classes.
type supervisedData struct {
	ImageData
	config images.LabelledConfig
	// wrap puts feeders around that of the images; nil for none.
	wrap     func(f Feeder) Feeder
	perEpoch int
}

// newSupervisedData checks whether batches can be made.
func newSupervisedData(pictures ImageData, config images.LabelledConfig, remedy string, wrap func(f Feeder) Feeder) (*supervisedData, error) {
	d := &supervisedData{ImageData: pictures, config: config, wrap: wrap}
	if err := checkLabels(d.Train); err != nil {
		return nil, fmt.Errorf("%w: name images in one folder per class by --data SPEC", err)
	}
	if err := d.CheckBatch(config.Batch, remedy); err != nil {
		return nil, err
	}
	loader, err := images.NewLabelledLoader(d.Train, config)
	if err != nil {
		return nil, &RecipeError{err}
	}
	defer loader.Close()
	d.perEpoch = loader.StepsPerEpoch()
	return d, nil
}

// classesOf is the number of classes of images: one more than the largest label, or as
// many as have names.
func classesOf(d images.Dataset) int {
	n := len(d.Classes())
	for i := range d.Len() {
		n = max(n, d.Label(i)+1)
	}
	return n
}

// Classes are the names of the classes, empty where there are none.
func (d *supervisedData) Classes() []string { return d.Train.Classes() }

// testEvaluation prepares the evaluation of a classifier on test images, or says in
// Skipped why there is none.
func testEvaluation(ctx context.Context, d *supervisedData) (*Evaluation, images.Dataset, error) {
	train, test, err := LabelledSplits(ctx, d.Splits, "a new run with --set hold_out=0.1")
	if unlabelled, ok := errors.AsType[*UnlabelledError](err); ok {
		return &Evaluation{Skipped: "accuracy is not measured: " + strings.TrimPrefix(unlabelled.Error(), "images: ")}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	e := &Evaluation{Notes: AccuracyNotes(train, test), Key: testTop1}
	e.Data, err = dataInfo(ctx, test)
	e.Summary = func(c Course) string {
		return fmt.Sprintf("top-1 on %s (%s images): %.2f%% after the last step, %.2f%% after step %d, the best; always answering the most frequent class: %.2f%%",
			test.Name(), progress.Count(int64(test.Len())), c.Last, c.Best, c.BestStep, 100*majority(test))
	}
	return e, test, err
}

// majority is the part of the most frequent class.
func majority(d images.Dataset) float64 {
	return float64(slices.Max(slices.Collect(maps.Values(labelsOf(d))))) / float64(d.Len())
}

// StepsPerEpoch implements Data.
func (d *supervisedData) StepsPerEpoch() int { return d.perEpoch }

// Feeder implements Data.
func (d *supervisedData) Feeder(at training.Position, workers int) (Feeder, error) {
	config := d.config
	config.Workers = workers
	loader, err := images.NewLabelledLoader(d.Train, config)
	if err != nil {
		return nil, err
	}
	if err := loader.Seek(images.Position{Epoch: at.Epoch, Step: at.Step}); err != nil {
		return nil, err
	}
	var f Feeder = &labelledFeeder{loader}
	if d.wrap != nil {
		f = d.wrap(f)
	}
	return f, nil
}

// labelledFeeder makes a LabelledLoader's batches the feeds of a step.
type labelledFeeder struct{ loader *images.LabelledLoader }

// Next implements training.Feeder.
func (f *labelledFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	b, err := f.loader.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	return b.Feeds, b.Release, nil
}

// StepsPerEpoch implements training.Feeder.
func (f *labelledFeeder) StepsPerEpoch() int { return f.loader.StepsPerEpoch() }

// Position implements training.Feeder.
func (f *labelledFeeder) Position() training.Position {
	p := f.loader.Position()
	return training.Position{Epoch: p.Epoch, Step: p.Step, StepsPerEpoch: f.StepsPerEpoch()}
}

// Close ends the loader's goroutines.
func (f *labelledFeeder) Close() { f.loader.Close() }
