package training

import (
	"context"

	"pmx/artifacts"
)

// MetricsHook appends to metrics.jsonl: a row of each step, of each epoch and of each
// evaluation, with the tags that TensorBoardHook draws.
type MetricsHook struct {
	NoHook
	Run *artifacts.RunDir
	// Every is how many steps one row is written for; 0 is 1.
	Every int64

	log      *artifacts.MetricsLog // from Start to End
	perEpoch float64               // steps
}

// Start opens the file behind the step that the loop starts from.
func (h *MetricsHook) Start(_ context.Context, l *Loop) (err error) {
	h.perEpoch = float64(l.Feeder.StepsPerEpoch())
	h.log, err = h.Run.OpenMetrics(l.From.Step)
	return err
}

// Step writes the step's row, and the epoch's.
func (h *MetricsHook) Step(_ context.Context, _ *Loop, r *StepReport) error {
	if r.Step%max(h.Every, 1) == 0 {
		if err := h.append(artifacts.MetricsStep, r.Step, stepTags(r)); err != nil {
			return err
		}
	}
	if r.Epoch != nil {
		return h.append(artifacts.MetricsEpoch, r.Step, epochTags(r.Epoch))
	}
	return nil
}

// Record writes a row of numbers.
func (h *MetricsHook) Record(step int64, values map[string]float64) error {
	return h.append(artifacts.MetricsEval, step, evalTags(values))
}

func (h *MetricsHook) append(kind artifacts.MetricsKind, step int64, tags map[string]float64) error {
	return h.log.Append(artifacts.Metrics{Kind: kind, Step: step, Epoch: float64(step) / h.perEpoch, Tags: tags})
}

// Flush puts the rows on the disk.
func (h *MetricsHook) Flush() error { return h.log.Sync() }

// End closes the file.
func (h *MetricsHook) End(context.Context, *Loop, error) error { return h.log.Close() }
