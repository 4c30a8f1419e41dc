package training

import (
	"context"
	"errors"
	"fmt"

	"pmx/builders"
	"pmx/onnxgraph"
	"pmx/training/orttraining"
)

// ortTrainingStep runs a step file on the ONNX Runtime Training library. As on
// stock ONNX Runtime the state is in two sets of buffers: each step reads one and
// writes the other, so nothing is copied and the last step can be undone.
type ortTrainingStep struct {
	step    *builders.Step
	library *orttraining.Library
	session *orttraining.Session
	state   [2][]*orttraining.Value // in the order of step.State
	now     int                     // the set that holds the current state
	// hyper and metrics hold one number each, by name.
	hyper, metrics map[string]*orttraining.Value
	undoable       bool
}

var errStepClosed = errors.New("training: the session is closed")

// lendBuffers makes the buffers and lends them to the library.
func (s *ortTrainingStep) lendBuffers() error {
	for side := range s.state {
		for _, t := range s.step.State {
			dtype, err := onnxgraph.ParseDType(t.DType)
			if err != nil {
				return err
			}
			v, err := s.library.NewValue(onnxgraph.Zeros(dtype, t.Shape))
			if err != nil {
				return err
			}
			s.state[side] = append(s.state[side], v)
		}
	}
	s.hyper, s.metrics = map[string]*orttraining.Value{}, map[string]*orttraining.Value{}
	number := func(set map[string]*orttraining.Value, name string) error {
		v, err := s.library.NewValue(onnxgraph.Zeros(onnxgraph.Float32, []int{1}))
		if err == nil {
			set[name] = v
		}
		return err
	}
	for _, h := range s.step.Hyper {
		if err := number(s.hyper, h.Name); err != nil {
			return err
		}
	}
	for _, name := range s.step.Metrics {
		if err := number(s.metrics, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *ortTrainingStep) SetState(state map[string]*onnxgraph.Tensor) error {
	if s.session == nil {
		return errStepClosed
	}
	if err := checkState(s.step, state); err != nil {
		return err
	}
	for i, t := range s.step.State {
		copy(s.state[s.now][i].Tensor().Bytes(), state[t.Name].Bytes())
	}
	s.undoable = false
	return nil
}

func (s *ortTrainingStep) State() (map[string]*onnxgraph.Tensor, error) {
	if s.session == nil {
		return nil, errStepClosed
	}
	out := make(map[string]*onnxgraph.Tensor, len(s.step.State))
	for i, t := range s.step.State {
		out[t.Name] = s.state[s.now][i].Tensor().Clone()
	}
	return out, nil
}

func (s *ortTrainingStep) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.session == nil {
		return nil, errStepClosed
	}
	if err := checkFeeds(s.step, feeds, hyper); err != nil {
		return nil, err
	}
	in, out := map[string]*orttraining.Value{}, map[string]*orttraining.Value{}
	for i, t := range s.step.State {
		in[t.In], out[t.Out] = s.state[s.now][i], s.state[1-s.now][i]
	}
	for _, p := range s.step.Batch {
		v, err := s.library.NewValue(feeds[p.Name])
		if err != nil {
			return nil, fmt.Errorf("training: %s: %w", p.Name, err)
		}
		defer v.Close()
		in[p.Name] = v
	}
	for name, v := range s.hyper {
		onnxgraph.Data[float32](v.Tensor())[0] = float32(hyper[name])
		in[name] = v
	}
	for name, v := range s.metrics {
		out[name] = v
	}
	s.undoable = false // from here on the other set is written
	if err := s.session.Run(pick(in, s.session.Inputs()), pick(out, s.session.Outputs())); err != nil {
		return nil, fmt.Errorf("training: step: %w", err)
	}
	s.now, s.undoable = 1-s.now, true
	metrics := make(map[string]float64, len(s.metrics))
	for name, v := range s.metrics {
		metrics[name] = float64(onnxgraph.Data[float32](v.Tensor())[0])
	}
	return metrics, nil
}

// pick lists the values of the names, in order; the session refuses a nil.
func pick(values map[string]*orttraining.Value, names []string) []*orttraining.Value {
	list := make([]*orttraining.Value, len(names))
	for i, name := range names {
		list[i] = values[name]
	}
	return list
}

func (s *ortTrainingStep) Undo() error {
	if !s.undoable {
		return errNothingToUndo
	}
	s.now, s.undoable = 1-s.now, false
	return nil
}

func (s *ortTrainingStep) Close() error {
	if s.session == nil {
		return nil
	}
	err := s.session.Close() // before the buffers that it may still write
	for _, set := range s.state {
		for _, v := range set {
			v.Close()
		}
	}
	for _, set := range []map[string]*orttraining.Value{s.hyper, s.metrics} {
		for _, v := range set {
			v.Close()
		}
	}
	s.session, s.state, s.hyper, s.metrics = nil, [2][]*orttraining.Value{}, nil, nil
	s.undoable = false
	return err
}
