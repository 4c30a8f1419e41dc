package tasks

import (
	"context"
	"fmt"
	"slices"

	"pmx/artifacts"
	"pmx/builders/detect"
	"pmx/detection"
	"pmx/detection/coco"
	"pmx/export"
	"pmx/onnxgraph"
	"pmx/runtimes"
)

// Detector finds objects in pictures of any size by the weights of a trained detector.
// One goroutine uses it at a time.
type Detector struct {
	Categories []coco.Category // the classes that it knows, by index

	config  detect.Config
	session runtimes.Inference
}

// NewDetector compiles a detector. weights holds its parameters and running statistics
// under detectron2's names.
func NewDetector(c detect.Config, weights map[string]*onnxgraph.Tensor, categories []coco.Category, env Env) (*Detector, error) {
	model, err := detect.InferenceModel(c, weights, 1)
	if err != nil {
		return nil, err
	}
	session, err := env.Runtime.NewInference(model, env.Options)
	if err != nil {
		return nil, err
	}
	return &Detector{Categories: categories, config: c, session: session}, nil
}

// OpenDetector is the detector of a run's newest checkpoint, or of a checkpoint, and
// the recipe that it was trained by.
func OpenDetector(ctx context.Context, run *artifacts.RunDir, env Env) (*Detector, *MaskRCNN, error) {
	r, err := RunRecipe(run)
	if err != nil {
		return nil, nil, err
	}
	recipe, ok := r.(*MaskRCNN)
	if !ok {
		return nil, nil, &RecipeError{errNotDetector(r)}
	}
	weights, err := export.ReadParameters(ctx, run.Path())
	if err != nil {
		return nil, nil, err
	}
	manifest, err := run.ReadManifest()
	if err != nil {
		return nil, nil, err
	}
	if len(manifest.Classes) != recipe.Classes || len(recipe.CategoryIDs) != recipe.Classes {
		return nil, nil, fmt.Errorf("tasks: %s names %d classes and %d ids of %d: train the detector again", run.Path(), len(manifest.Classes), len(recipe.CategoryIDs), recipe.Classes)
	}
	var categories []coco.Category
	for k, name := range manifest.Classes {
		categories = append(categories, coco.Category{ID: int64(recipe.CategoryIDs[k]), Name: name})
	}
	d, err := NewDetector(recipe.Config, weights, categories, env)
	return d, recipe, err
}

// Use gives the classes the ids that categories of the same names have. Objects of
// classes that are not among them are not detected.
func (d *Detector) Use(categories []coco.Category) error {
	known := 0
	own := make([]coco.Category, len(d.Categories))
	for k, c := range d.Categories {
		own[k] = coco.Category{ID: noCategory, Name: c.Name}
		if at := slices.IndexFunc(categories, func(other coco.Category) bool { return other.Name == c.Name }); at >= 0 {
			own[k].ID = categories[at].ID
			known++
		}
	}
	if known == 0 {
		return fmt.Errorf("tasks: none of the classes that the detector knows (%q, ...) is among those of the annotations (%q, ...): name annotations of the same classes", d.Categories[0].Name, categories[0].Name)
	}
	d.Categories = own
	return nil
}

// noCategory is the id of a class that is left out.
const noCategory = -1

// Close frees the model.
func (d *Detector) Close() error { return d.session.Close() }

// DetectAll finds objects in the pictures of a data set, in turn, and hands each picture's
// to visit, with boxes and masks in the picture's own pixels, best first.
func (d *Detector) DetectAll(ctx context.Context, data *detection.Dataset, visit func(p *detection.Picture, found coco.Instances) error) error {
	for b, err := range detection.EvalBatches(ctx, data, detection.EvalConfig{Size: d.config.ImageSize, Batch: 1}) {
		if err != nil {
			return err
		}
		outputs, err := d.session.Run(b.Feeds)
		if err != nil {
			return err
		}
		found, err := b.Instances(0, d.detected(outputs), d.Categories)
		if err != nil {
			return err
		}
		if err := visit(b.Pictures[0], found); err != nil {
			return err
		}
	}
	return nil
}

// Results are the detections in all pictures of a data set, for scoring.
func (d *Detector) Results(ctx context.Context, data *detection.Dataset, progress func(done int)) (coco.Results, error) {
	var all coco.Results
	done := 0
	err := d.DetectAll(ctx, data, func(p *detection.Picture, found coco.Instances) error {
		results, err := found.Results(p.ID)
		all = append(all, results...)
		done++
		progress(done)
		return err
	})
	return all, err
}

// detected are the model's outputs for its one picture, without the classes that are
// left out.
func (d *Detector) detected(outputs map[string]*onnxgraph.Tensor) detection.Detected {
	boxes, scores := onnxgraph.Data[float32](outputs[detect.DetectedBoxes]), onnxgraph.Data[float32](outputs[detect.DetectedScores])
	classes, masks := onnxgraph.Data[int64](outputs[detect.DetectedClasses]), onnxgraph.Data[float32](outputs[detect.DetectedMasks])
	out := detection.Detected{MaskSide: 2 * d.config.MaskPool}
	pixels := out.MaskSide * out.MaskSide
	for i := range int(onnxgraph.Data[int64](outputs[detect.DetectedCount])[0]) {
		class := int(classes[i])
		if d.Categories[class].ID == noCategory {
			continue
		}
		out.Boxes = append(out.Boxes, [4]float32(boxes[4*i:]))
		out.Scores = append(out.Scores, scores[i])
		out.Classes = append(out.Classes, class)
		out.Masks = append(out.Masks, masks[i*pixels:(i+1)*pixels]...)
	}
	return out
}
