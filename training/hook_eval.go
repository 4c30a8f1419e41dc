package training

import "context"

// EvalHook measures the model while it trains: every so many epochs, after the
// last step and, if asked for, before the first. What it finds is recorded by the
// loop's Recorders, so list it behind them.
type EvalHook struct {
	NoHook
	EveryEpochs int  // 0: only as below
	Untrained   bool // before the first step too, when the run is not a resumed one
	Last        bool // after the last step too
	// Evaluate gives numbers by name, such as knn_top1. It returns ctx's error
	// when that is done.
	Evaluate func(ctx context.Context, l *Loop) (map[string]float64, error)
}

// Start measures the untrained model.
func (h *EvalHook) Start(ctx context.Context, l *Loop) error {
	if !h.Untrained || l.Done() > 0 {
		return nil
	}
	return h.run(ctx, l)
}

// Step measures when it is time.
func (h *EvalHook) Step(ctx context.Context, l *Loop, r *StepReport) error {
	perEpoch := int64(l.Feeder.StepsPerEpoch())
	due := h.Last && r.Step == l.Steps ||
		h.EveryEpochs > 0 && r.Step%(perEpoch*int64(h.EveryEpochs)) == 0
	if !due {
		return nil
	}
	return h.run(ctx, l)
}

func (h *EvalHook) run(ctx context.Context, l *Loop) error {
	values, err := h.Evaluate(ctx, l)
	if err != nil {
		return err
	}
	return l.Record(values)
}
