package runtimes

import (
	"context"
	"errors"
	"fmt"

	"pmx/step"

	"pmx/onnxgraph"
	"pmx/runtimes/device"
	"pmx/runtimes/orttraining"
)

// ortTrainingStep runs a step file on the ONNX Runtime Training library.
type ortTrainingStep struct {
	*stateSets[*orttraining.Value]
	library *orttraining.Library
	session *orttraining.Session
	// hyper and metrics hold one number each, by name.
	hyper, metrics map[string]*orttraining.Value
}

// build makes the state and the buffers.
func (s *ortTrainingStep) build(step *step.Step, o Options) error {
	s.hyper, s.metrics = map[string]*orttraining.Value{}, map[string]*orttraining.Value{}
	number := func(set map[string]*orttraining.Value, name string) error {
		v, err := s.library.NewValue(onnxgraph.Zeros(onnxgraph.Float32, []int{1}))
		if err != nil {
			return fmt.Errorf("runtimes: %w", err)
		}
		set[name] = v
		return nil
	}
	for _, h := range step.Hyper {
		if err := number(s.hyper, h.Name); err != nil {
			return err
		}
	}
	for _, name := range step.Metrics {
		if err := number(s.metrics, name); err != nil {
			return err
		}
	}
	memory, err := s.newMemory(o)
	if err != nil {
		return err
	}
	s.stateSets, err = newStateSets(step, memory, s.lend, s.borrow)
	return err
}

// newMemory opens the memory for the state; nil is main memory.
func (s *ortTrainingStep) newMemory(o Options) (*device.Memory, error) {
	name := o.stateMemory()
	if name == "" {
		return nil, nil
	}
	model, err := device.Model()
	if err != nil {
		return nil, err
	}
	copies, err := newORTTrainingSession(s.library, model, o.forCopies())
	if err != nil {
		return nil, err
	}
	m, err := device.Open(s.library.Loaded(), s.session.Pointer(), copies, name)
	if err != nil {
		return nil, fmt.Errorf("runtimes: %w", err)
	}
	return m, nil
}

func (s *ortTrainingStep) lend(t *onnxgraph.Tensor) (*orttraining.Value, func() error, error) {
	v, err := s.library.NewValue(t)
	if err != nil {
		return nil, nil, err
	}
	return v, v.Close, nil
}

func (s *ortTrainingStep) borrow(x *device.Tensor) *orttraining.Value {
	return s.library.Borrow(x.Pointer())
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
	now := s.current()
	for i, t := range s.step.State {
		in[t.In] = now[i].value
	}
	for _, p := range s.step.Batch {
		v, err := s.library.NewValue(feeds[p.Name])
		if err != nil {
			return nil, fmt.Errorf("runtimes: %s: %w", p.Name, err)
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
	next := s.next()
	for i, t := range s.step.State {
		if t.Kind != step.Frozen {
			out[t.Out] = next[i].value
		}
	}
	if err := s.session.Run(pick(in, s.session.Inputs()), pick(out, s.session.Outputs())); err != nil {
		return nil, fmt.Errorf("runtimes: step: %w", err)
	}
	s.stepped()
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

func (s *ortTrainingStep) Close() error {
	if s.session == nil {
		return nil
	}
	var errs []error
	if s.stateSets != nil {
		errs = append(errs, s.stateSets.close()) // before the session that it may lie in the memory of
	}
	errs = append(errs, s.session.Close())
	for _, set := range []map[string]*orttraining.Value{s.hyper, s.metrics} {
		for _, v := range set {
			v.Close()
		}
	}
	s.session, s.hyper, s.metrics = nil, nil, nil
	return errors.Join(errs...)
}
