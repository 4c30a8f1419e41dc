package training

import (
	"context"

	"pmx/artifacts/tfevents"
)

// TensorBoardHook draws curves: train/loss and the step's other metrics,
// hyper/lr, ..., speed/images_per_s, speed/step_s and speed/data_wait_s, the
// epochs' means as epoch/loss, ..., and what is recorded as eval/knn_top1, ...
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
		group(points, "train/", r.Metrics)
		group(points, "hyper/", r.Hyper)
		points["speed/images_per_s"] = r.imagesPerSecond()
		points["speed/step_s"] = r.Compute.Seconds()
		points["speed/data_wait_s"] = r.Wait.Seconds()
	}
	if r.Epoch != nil {
		group(points, "epoch/", r.Epoch.Means)
	}
	if len(points) == 0 {
		return nil
	}
	return h.writer.Scalars(r.Step, points)
}

// Record writes points of numbers.
func (h *TensorBoardHook) Record(step int64, values map[string]float64) error {
	points := map[string]float64{}
	group(points, "eval/", values)
	return h.writer.Scalars(step, points)
}

// End closes the file.
func (h *TensorBoardHook) End(context.Context, *Loop, error) error { return h.writer.Close() }

func group(points map[string]float64, prefix string, values map[string]float64) {
	for name, v := range values {
		points[prefix+name] = v
	}
}
