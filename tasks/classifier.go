package tasks

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/evaluation"
	"pmx/export"
	"pmx/images"
	"pmx/onnxgraph"
)

// ClassifierModel is a trained classifier as a model for inference.
type ClassifierModel struct {
	Name  string
	Info  builders.ClassifierInfo
	Model *onnxgraph.Model
	Data  Base // of the run that it is from; else empty
}

// OpenClassifier takes a classifier from a run of fine-tuning, its newest checkpoint, or
// from a file of its export, classifier.onnx.
func OpenClassifier(ctx context.Context, path string) (*ClassifierModel, error) {
	if filepath.Ext(path) == export.ModelExt {
		return openClassifierFile(path)
	}
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return nil, fmt.Errorf("%w: name a run of pmx finetune, or its classifier.onnx", err)
	}
	recipe, err := RunRecipe(run)
	if err != nil {
		return nil, err
	}
	r, ok := recipe.(*Finetune)
	if !ok {
		return nil, fmt.Errorf("tasks: %s is a run of task %s and has no classifier: name a run of pmx finetune", path, recipe.TaskName())
	}
	classifier, err := r.readClassifier(ctx, run)
	if err != nil {
		return nil, err
	}
	model, err := classifier.ONNX(builders.EncoderOptions{})
	if err != nil {
		return nil, err
	}
	return &ClassifierModel{
		Name: fmt.Sprintf("classifier after step %d", classifier.Step), Model: model, Data: *r.Common(),
		Info: builders.NewClassifierInfo(r.ClassifierConfig, classifier.Classes, classifier.Preprocessing),
	}, nil
}

func openClassifierFile(path string) (*ClassifierModel, error) {
	model, err := onnxgraph.ReadModelFile(path)
	if err != nil {
		return nil, err
	}
	m := &ClassifierModel{Name: filepath.Base(path), Model: model}
	text, ok := model.Metadata[builders.ClassifierProperty]
	if !ok {
		return nil, fmt.Errorf("tasks: %s is not a classifier of pmx: it has no metadata %s; name a run of pmx finetune, or its classifier.onnx", path, builders.ClassifierProperty)
	}
	if err := json.Unmarshal([]byte(text), &m.Info); err != nil {
		return nil, fmt.Errorf("tasks: %s: metadata %s: %w", path, builders.ClassifierProperty, err)
	}
	if inputs := model.Graph.Inputs(); len(inputs) != 1 || inputs[0].Name != builders.EncoderInput || m.Info.NumClasses < 2 || m.Info.Preprocessing.Crop < 1 || m.Info.Mean != builders.ImageMean {
		return nil, fmt.Errorf("tasks: %s is not a classifier as pmx finetune writes it: write it again by pmx train --resume", path)
	}
	return m, nil
}

// Measure classifies images; their classes are found by name among the classifier's. A
// class that the classifier does not know is an error.
func (m *ClassifierModel) Measure(ctx context.Context, env Env, d images.Dataset, batch int) (*evaluation.Classification, error) {
	labels, err := m.labels(d)
	if err != nil {
		return nil, err
	}
	inference, err := env.Runtime.NewInference(m.Model, env.Options)
	if err != nil {
		return nil, err
	}
	defer inference.Close()
	p := m.Info.Preprocessing
	batches := evaluation.Images(ctx, d, images.EvalConfig{
		Transform: images.EvalTransform{Size: p.Crop, Resize: p.Resize}, Mean: images.ImageNetMean, Std: images.ImageNetStd, Batch: batch,
	})
	named := func(yield func(evaluation.Batch, error) bool) {
		for b, err := range batches {
			if err == nil && labels != nil {
				b.Labels = slices.Clone(b.Labels)
				for i, label := range b.Labels {
					b.Labels[i] = labels[label]
				}
			}
			if !yield(b, err) {
				return
			}
		}
	}
	bytes := m.Model.Graph.Inputs()[0].DType == onnxgraph.Uint8
	return evaluation.Classify(ctx, m.Info.NumClasses, named, func(x *onnxgraph.Tensor) (*onnxgraph.Tensor, error) {
		if bytes {
			x = pixelsOf(x)
		}
		out, err := inference.Run(map[string]*onnxgraph.Tensor{builders.EncoderInput: x})
		return out[builders.ClassifierLogits], err
	}, func(done int) {
		if env.Progress != nil {
			env.Progress(d.Name(), int64(done), int64(d.Len()))
		}
	})
}

// labels are the classifier's classes by the label of the images; nil where one of both
// has no names, and the labels are the classes.
func (m *ClassifierModel) labels(d images.Dataset) ([]int, error) {
	if err := checkLabels(d); err != nil {
		return nil, &UnlabelledError{err}
	}
	names := d.Classes()
	if len(names) == 0 || len(m.Info.Classes) == 0 || slices.Equal(names, m.Info.Classes) {
		if n := classesOf(d); n > m.Info.NumClasses {
			return nil, fmt.Errorf("tasks: %s has %d classes, and %s tells %d apart", d.Name(), n, m.Name, m.Info.NumClasses)
		}
		return nil, nil
	}
	labels := make([]int, len(names))
	count := labelsOf(d)
	for label, name := range names {
		if labels[label] = slices.Index(m.Info.Classes, name); labels[label] < 0 && count[label] > 0 {
			return nil, fmt.Errorf("tasks: %s has %d images of class %q, which %s does not know: take them out, or name its classes: %.200s", d.Name(), count[label], name, m.Name, fmt.Sprint(m.Info.Classes))
		}
	}
	return labels, nil
}

// ClassifierImages opens the images that a classifier is measured on: the test part of
// what a recipe names or, of a data set without parts, all.
func ClassifierImages(ctx context.Context, source Splits, parts bool, holdOut string) (images.Dataset, error) {
	if _, test, err := LabelledSplits(ctx, source, holdOut); err == nil || parts {
		return test, err
	}
	test, err := OpenSplit(ctx, source, images.Test)
	if err == nil {
		return test, nil
	}
	return OpenSplit(ctx, source, images.Train)
}
