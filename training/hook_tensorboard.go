package training

import (
	"context"
	"maps"

	"pmx/artifacts/tfevents"
)

// TensorBoardHook draws curves under the tags of metrics.jsonl: train/loss and the step's
// other metrics, hyper/lr, speed/step_s, epoch/loss, eval/knn_top1, ...
type TensorBoardHook struct {
	NoHook
	Dir string // of the event file
	// Every is how many steps one point is drawn for; 0 is 1.
	Every int64

	writer *tfevents.Writer // from Start to End
}

// Start creates an event file behind the step that the loop starts from.
func (h *TensorBoardHook) Start(_ context.Context, l *Loop) (err error) {
	h.writer, err = tfevents.Create(h.Dir, l.From.Step)
	return err
}

// Step writes the step's points, and the epoch's.
func (h *TensorBoardHook) Step(_ context.Context, _ *Loop, r *StepReport) error {
	points := map[string]float64{}
	if r.Step%max(h.Every, 1) == 0 {
		points = stepTags(r)
	}
	if r.Epoch != nil {
		maps.Copy(points, epochTags(r.Epoch))
	}
	if len(points) == 0 {
		return nil
	}
	return h.writer.Scalars(r.Step, points)
}

// Record writes points of numbers.
func (h *TensorBoardHook) Record(step int64, values map[string]float64) error {
	return h.writer.Scalars(step, evalTags(values))
}

// End closes the file.
func (h *TensorBoardHook) End(context.Context, *Loop, error) error { return h.writer.Close() }
