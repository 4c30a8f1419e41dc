package runtimes

import (
	"errors"
	"fmt"

	"pmx/step"

	"pmx/onnxgraph"
)

var errNothingToUndo = errors.New("runtimes: there is no step to undo")

// checkState compares a state with what the step declares.
func checkState(step *step.Step, state step.State) error {
	for _, t := range step.State {
		if err := checkTensor(t.Name, state[t.Name], t.DType, t.Shape); err != nil {
			return fmt.Errorf("runtimes: state: %w", err)
		}
	}
	if len(state) != len(step.State) {
		return fmt.Errorf("runtimes: state holds %d tensors, the step %d: is it of another model?", len(state), len(step.State))
	}
	return nil
}

// checkFeeds compares a batch and hyper-parameters with what the step declares.
func checkFeeds(step *step.Step, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) error {
	for _, p := range step.Batch {
		if err := checkTensor(p.Name, feeds[p.Name], p.DType, p.Shape); err != nil {
			return fmt.Errorf("runtimes: batch: %w", err)
		}
	}
	for _, h := range step.Hyper {
		if _, ok := hyper[h.Name]; !ok {
			return fmt.Errorf("runtimes: hyper-parameter %s is not given", h.Name)
		}
	}
	return nil
}

func checkTensor(name string, t *onnxgraph.Tensor, dtype string, shape onnxgraph.Shape) error {
	switch {
	case t == nil:
		return fmt.Errorf("%s is missing", name)
	case t.DType().String() != dtype || !t.Shape().Fits(shape):
		return fmt.Errorf("%s is %v, want %s%v", name, t, dtype, shape)
	}
	return nil
}
