package tasks

import (
	"context"
	"fmt"
	"slices"

	"pmx/artifacts"
	"pmx/detection"
	"pmx/detection/coco"
	"pmx/internal/progress"
	"pmx/training"
)

var _ Evaluated = (*MaskRCNN)(nil)

// What is measured of a detector, COCO's average precisions in percent.
const (
	boxAP    = "box_ap"
	boxAP50  = "box_ap50"
	maskAP   = "mask_ap"
	maskAP50 = "mask_ap50"
)

func errNotDetector(r Recipe) error {
	return fmt.Errorf("a run of task %s is not a detector: name a run of pmx detect train", r.TaskName())
}

// ScoreDetections scores detections by the objects of a data set, boxes first, then
// masks, as pycocotools does.
func ScoreDetections(ctx context.Context, data *detection.Dataset, results coco.Results) ([]*coco.Evaluation, error) {
	truth, err := data.Truth()
	if err != nil {
		return nil, err
	}
	evaluator, err := coco.NewEvaluator(truth, coco.Params{})
	if err != nil {
		return nil, err
	}
	if err := evaluator.Add(results); err != nil {
		return nil, err
	}
	return evaluator.Evaluate(ctx, coco.BBox, coco.Segm)
}

// Evaluation implements Evaluated: average precision on pictures that are not trained on.
func (r *MaskRCNN) Evaluation(_ context.Context, d Data, env Env) (*Evaluation, error) {
	data, ok := d.(*detectionData)
	if !ok {
		return nil, fmt.Errorf("tasks: %s evaluates pictures that its own Open gave, not %T", taskMaskRCNN, d)
	}
	if data.held == nil {
		return &Evaluation{Skipped: "average precision is not measured: there are no pictures for it; --set hold_out=0.1 keeps a tenth"}, nil
	}
	held := data.held
	digest, err := held.Digest()
	if err != nil {
		return nil, err
	}
	known := data.Notes()
	return &Evaluation{
		Notes: slices.DeleteFunc(slices.Clone(held.Notes()), func(n string) bool { return slices.Contains(known, n) }),
		Data:  artifacts.DataInfo{Name: held.Name(), Samples: held.Len(), Digest: digest}, Key: boxAP,
		Measure: func(ctx context.Context, l *training.Loop) (map[string]float64, error) {
			state, err := l.Session.State()
			if err != nil {
				return nil, err
			}
			detector, err := NewDetector(r.Config, state, held.Categories, env)
			if err != nil {
				return nil, err
			}
			defer detector.Close()
			results, err := detector.Results(ctx, held, func(done int) { l.Progress("test pictures", int64(done), int64(held.Len())) })
			if err != nil {
				return nil, err
			}
			return averagePrecisions(ctx, held, results)
		},
		Summary: func(c Course) string {
			return fmt.Sprintf("box AP on %s (%s pictures): %.1f after the last step, %.1f after step %d, the best",
				held.Name(), progress.Count(int64(held.Len())), c.Last, c.Best, c.BestStep)
		},
	}, nil
}

// averagePrecisions are the numbers that a run reports, in percent; 0 where nothing was
// found.
func averagePrecisions(ctx context.Context, data *detection.Dataset, results coco.Results) (map[string]float64, error) {
	evaluations, err := ScoreDetections(ctx, data, results)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for i, names := range [][2]string{{boxAP, boxAP50}, {maskAP, maskAP50}} {
		stats, err := evaluations[i].Stats()
		if err != nil {
			return nil, err
		}
		out[names[0]], out[names[1]] = 100*stats[0].Value, 100*stats[1].Value
	}
	return out, nil
}
