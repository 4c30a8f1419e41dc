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
	// Recorded says whether an earlier session of a resumed run has measured after
	// a step; nil: none has. A measurement that a stop cut short is made up for.
	Recorded func(step int64) bool
	// Evaluate gives numbers by name, such as knn_top1. It returns ctx's error
	// when that is done.
	Evaluate func(ctx context.Context, l *Loop) (map[string]float64, error)
}

// Start measures the untrained model, or what an earlier session owed.
func (h *EvalHook) Start(ctx context.Context, l *Loop) error {
	if !h.due(l, l.Done()) || h.Recorded != nil && h.Recorded(l.Done()) {
		return nil
	}
	return h.run(ctx, l)
}

// Step measures when it is time.
func (h *EvalHook) Step(ctx context.Context, l *Loop, r *StepReport) error {
	if !h.due(l, r.Step) {
		return nil
	}
	return h.run(ctx, l)
}

// due says whether there is something to measure after a step.
func (h *EvalHook) due(l *Loop, step int64) bool {
	if step == 0 {
		return h.Untrained
	}
	perEpoch := int64(l.Feeder.StepsPerEpoch())
	return h.Last && step == l.Steps || h.EveryEpochs > 0 && step%(perEpoch*int64(h.EveryEpochs)) == 0
}

func (h *EvalHook) run(ctx context.Context, l *Loop) error {
	values, err := h.Evaluate(ctx, l)
	if err != nil {
		return err
	}
	return l.Record(values)
}
