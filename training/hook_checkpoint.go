package training

import (
	"context"
	"encoding/json"
	"errors"

	"pmx/step"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
)

// CheckpointHook saves the run: every so many steps or epochs, after the last
// step, and when the training is interrupted or fails, so that Resume goes on
// from the very step. A state that led to a loss that is not finite is not saved, nor
// is a step that another hook could not take, whose log line would be missing.
// List it last.
type CheckpointHook struct {
	NoHook
	Checkpoints artifacts.Checkpoints // with Keep set
	EverySteps  int64                 // 0: not by steps
	EveryEpochs int                   // 0: not by epochs
	ConfigHash  string                // of the run, see ConfigHash
	Arch        json.RawMessage       // the architecture, for readers of the weights
	Method      string                // for readers of the file
	State       []step.Tensor         // of the step: what its tensors are
	Seed        uint64

	newest int64 // the step of the newest checkpoint; 0: none
	failed bool
}

// Start notes which checkpoint there is.
func (h *CheckpointHook) Start(_ context.Context, l *Loop) error {
	h.newest, h.failed = 0, false
	if l.From.Path != "" {
		h.newest = l.From.Step
	}
	return nil
}

// Step saves when it is time.
func (h *CheckpointHook) Step(_ context.Context, l *Loop, r *StepReport) error {
	perEpoch := int64(l.Feeder.StepsPerEpoch())
	due := r.Step == l.Steps ||
		h.EverySteps > 0 && r.Step%h.EverySteps == 0 ||
		h.EveryEpochs > 0 && r.Step%(perEpoch*int64(h.EveryEpochs)) == 0
	if !due {
		return nil
	}
	return h.save(l)
}

// End saves what an interruption or another error would lose, and tells it the
// path.
func (h *CheckpointHook) End(_ context.Context, l *Loop, cause error) error {
	var diverged *DivergedError
	if errors.As(cause, &diverged) {
		diverged.Kept = h.path()
		return nil
	}
	if l.Done() > h.newest && !h.failed && !errors.Is(cause, errNotTakenBack) {
		if err := h.save(l); err != nil {
			return err
		}
	}
	var interrupted *InterruptedError
	if errors.As(cause, &interrupted) {
		interrupted.Saved = h.path()
	}
	var failed *FailedError
	if errors.As(cause, &failed) {
		failed.Kept = h.path()
	}
	return nil
}

func (h *CheckpointHook) path() string {
	if h.newest == 0 {
		return ""
	}
	return h.Checkpoints.Path(h.newest)
}

func (h *CheckpointHook) save(l *Loop) (err error) {
	defer func() { h.failed = err != nil }()
	// On resume, log lines of later steps are dropped; those of earlier ones must be there.
	if err := l.Flush(); err != nil {
		return err
	}
	state, err := l.Session.State()
	if err != nil {
		return err
	}
	c, err := h.checkpoint(l.step, h.State, state, dataState{l.position, l.averages})
	if err != nil {
		return err
	}
	if err := h.Checkpoints.Save(c); err != nil {
		return err
	}
	h.newest = l.step
	return nil
}

// Initial is the checkpoint of a run before its first step: the state that it starts
// from, with the header that the hook writes.
func (h *CheckpointHook) Initial(s *step.Step, state step.State) (*artifacts.Checkpoint, error) {
	return h.checkpoint(0, s.State, state, dataState{})
}

func (h *CheckpointHook) checkpoint(done int64, declared []step.Tensor, state step.State, where dataState) (*artifacts.Checkpoint, error) {
	rng, err := json.Marshal(rngState{h.Seed})
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(where)
	if err != nil {
		return nil, err
	}
	kinds := make(map[string]string, len(declared))
	for _, t := range declared {
		kinds[t.Name] = string(t.Kind)
	}
	header := artifacts.CheckpointHeader{
		Step: done, ConfigHash: h.ConfigHash, Method: h.Method, Arch: h.Arch, RNG: rng, Data: data, Kinds: kinds,
	}
	return &artifacts.Checkpoint{CheckpointHeader: header, Tensors: safetensors.Sorted(state)}, nil
}
