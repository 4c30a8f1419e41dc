package tasks

import (
	"context"
	"fmt"

	"pmx/detection"
	"pmx/images"
	"pmx/internal/cancel"
	"pmx/onnxgraph"
	"pmx/training"
)

// transform is what the recipe's pictures go through.
func (r *MaskRCNN) transform() detection.Transform {
	return detection.Transform{Size: r.ImageSize, Scale: [2]float64{r.ScaleMin, r.ScaleMax}, Shortest: r.Shortest, Flip: r.FlipProb}
}

// detectionData makes batches of pictures with objects.
type detectionData struct {
	train, held *detection.Dataset // held is nil where nothing is measured on
	holdsOut    bool
	spec        string
	config      detection.LoaderConfig
	perEpoch    int
	wrap        func(f Feeder) Feeder // adds feeds
}

// DetectionParts opens the annotated pictures that a recipe names: those to train on, and
// those to measure on, which are nil where there are none. Both have the same classes.
func DetectionParts(ctx context.Context, b *Base) (train, held *detection.Dataset, err error) {
	if b.Data == "" {
		return nil, nil, &RecipeError{fmt.Errorf("%w (coco:INSTANCES.json,FOLDER)", ErrNoData)}
	}
	source, err := cancel.Unless(ctx, func() (*detection.Source, error) { return detection.Open(ctx, b.Data) })
	if err != nil {
		return nil, nil, err
	}
	if source.Validation != nil || b.HoldOut == 0 {
		return source.Train, source.Validation, nil
	}
	return source.Train.Split(b.HoldOut, b.Seed)
}

// Open implements Recipe. Where the recipe does not say how many classes there are, it
// takes those of the annotations.
func (r *MaskRCNN) Open(ctx context.Context, o OpenOptions) (Data, error) {
	train, held, err := DetectionParts(ctx, r.Common())
	if err != nil {
		return nil, err
	}
	if r.Classes == 0 {
		r.Classes = len(train.Categories)
	}
	if r.Classes != len(train.Categories) {
		return nil, &RecipeError{fmt.Errorf("classes is %d, and %s has %d: set classes=0 to take those", r.Classes, train.Name(), len(train.Categories))}
	}
	r.CategoryIDs = make([]int, len(train.Categories))
	for k, c := range train.Categories {
		r.CategoryIDs[k] = int(c.ID)
	}
	d := &detectionData{train: train.WithObjects(), held: held, holdsOut: held != nil && r.HoldOut > 0}
	if d.spec, err = detection.AbsSpec(r.Data); err != nil {
		return nil, err
	}
	d.config = detection.LoaderConfig{
		LoaderConfig: images.LoaderConfig{Batch: r.Batch, Seed: r.Seed},
		Transform:    r.transform(), MaxObjects: r.MaxObjects,
		Anchors: r.Anchors(), Proposals: r.Proposals(false),
	}
	if d.train.Len() < r.Batch {
		return nil, fmt.Errorf("%s has %d pictures with objects, fewer than one batch of %d: %s", d.train.Name(), d.train.Len(), r.Batch, o.Remedy)
	}
	loader, err := detection.NewLoader(d.train, d.config)
	if err != nil {
		return nil, &RecipeError{err}
	}
	defer loader.Close()
	d.perEpoch = loader.StepsPerEpoch()
	d.wrap = func(f Feeder) Feeder {
		if r.DropPath == 0 {
			return f
		}
		return withDropPath(f, r.Seed, r.DropPath, r.Depth, r.Batch)
	}
	return d, nil
}

// Spec is the specification of the pictures, the same from every folder.
func (d *detectionData) Spec() string { return d.spec }

// Name implements Data.
func (d *detectionData) Name() string { return d.train.Name() }

// Len implements Data.
func (d *detectionData) Len() int { return d.train.Len() }

// Classes names the classes.
func (d *detectionData) Classes() []string { return d.train.Classes() }

// Digest implements Data.
func (d *detectionData) Digest() (string, error) { return d.train.Digest() }

// Notes implements Data.
func (d *detectionData) Notes() []string { return d.train.Notes() }

// Covers implements Data: pictures count by their names and sizes.
func (d *detectionData) Covers(string) bool { return false }

// HoldsOut implements Data.
func (d *detectionData) HoldsOut() bool { return d.holdsOut }

// StepsPerEpoch implements Data.
func (d *detectionData) StepsPerEpoch() int { return d.perEpoch }

// Feeder implements Data.
func (d *detectionData) Feeder(at training.Position, workers int) (Feeder, error) {
	config := d.config
	config.Workers = workers
	loader, err := detection.NewLoader(d.train, config)
	if err != nil {
		return nil, err
	}
	if err := loader.Seek(images.Position{Epoch: at.Epoch, Step: at.Step}); err != nil {
		return nil, err
	}
	return d.wrap(&detectionFeeder{loader}), nil
}

// detectionFeeder makes a Loader's batches the feeds of a step.
type detectionFeeder struct{ loader *detection.Loader }

// Next implements training.Feeder.
func (f *detectionFeeder) Next(ctx context.Context) (map[string]*onnxgraph.Tensor, func(), error) {
	b, err := f.loader.Next(ctx)
	if err != nil {
		return nil, nil, err
	}
	return b.Feeds, b.Release, nil
}

// StepsPerEpoch implements training.Feeder.
func (f *detectionFeeder) StepsPerEpoch() int { return f.loader.StepsPerEpoch() }

// Position implements training.Feeder.
func (f *detectionFeeder) Position() training.Position {
	p := f.loader.Position()
	return training.Position{Epoch: p.Epoch, Step: p.Step, StepsPerEpoch: f.StepsPerEpoch()}
}

// Close ends the loader's goroutines.
func (f *detectionFeeder) Close() { f.loader.Close() }
