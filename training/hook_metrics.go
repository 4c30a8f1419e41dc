package training

import (
	"context"

	"pmx/artifacts"
)

// MetricsHook appends to metrics.jsonl. A step's line has its metrics and
// hyper-parameters under their names, "epoch" (as a fraction), "images_per_s",
// "step_s" and "data_wait_s"; an epoch's has the means as "epoch_loss",
// "epoch_step_s", ...; recorded numbers have their own.
type MetricsHook struct {
	NoHook
	Run *artifacts.RunDir
	// Every is how many steps one line is written for; 0 is 1.
	Every int64

	log *artifacts.MetricsLog // from Start to End
}

// Start opens the file behind the step that the loop starts from.
func (h *MetricsHook) Start(_ context.Context, l *Loop) (err error) {
	h.log, err = h.Run.OpenMetrics(l.From.Step)
	return err
}

// Step writes the step's line, and the epoch's.
func (h *MetricsHook) Step(_ context.Context, l *Loop, r *StepReport) error {
	if r.Step%max(h.Every, 1) == 0 {
		if err := h.log.Append(r.Step, stepValues(l, r)); err != nil {
			return err
		}
	}
	if r.Epoch != nil {
		return h.log.Append(r.Step, epochValues(r.Epoch))
	}
	return nil
}

// Record writes a line of numbers.
func (h *MetricsHook) Record(step int64, values map[string]float64) error {
	line := make(map[string]any, len(values))
	for name, v := range values {
		line[name] = v
	}
	return h.log.Append(step, line)
}

// Flush puts the lines on the disk.
func (h *MetricsHook) Flush() error { return h.log.Sync() }

// End closes the file.
func (h *MetricsHook) End(context.Context, *Loop, error) error { return h.log.Close() }

func stepValues(l *Loop, r *StepReport) map[string]any {
	line := map[string]any{
		"epoch":        float64(r.Step) / float64(l.Feeder.StepsPerEpoch()),
		"images_per_s": r.imagesPerSecond(),
		"data_wait_s":  r.Wait.Seconds(),
		"step_s":       r.Compute.Seconds(),
	}
	for name, v := range r.Metrics {
		line[name] = v
	}
	for name, v := range r.Hyper {
		line[name] = v
	}
	return line
}

func epochValues(e *EpochReport) map[string]any {
	line := map[string]any{
		"epoch":              e.Epoch,
		"epoch_s":            e.Time.Seconds(),
		"epoch_images_per_s": e.ImagesPerSecond,
		"epoch_wait_share":   e.WaitShare,
		"epoch_step_s":       e.Compute.Seconds(),
		"epoch_data_wait_s":  e.Wait.Seconds(),
	}
	for name, v := range e.Means {
		line["epoch_"+name] = v
	}
	return line
}
