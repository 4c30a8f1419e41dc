package runtimes

import (
	"context"
	"errors"

	"pmx/step"

	"pmx/onnxgraph"
)

// TracedSession is a Session whose first steps leave a trace. A runtime's trace lasts
// as long as the session that writes it, and that of a whole training would be huge,
// so these steps run on a session of their own, which hands its state to one that is
// not traced. The numbers are those of a training without a trace.
type TracedSession struct {
	now    Session
	left   int                     // steps that are still traced
	plain  func() (Session, error) // what goes on; nil when it does
	prefix string
	ended  func(trace string) error
}

// TraceSteps compiles a step and traces its first n steps. ended is called with the
// trace's path as soon as it is complete: at the step after those, or at Close. It
// lies at o.ProfilePrefix.
func TraceSteps(r Runtime, step *step.Step, o Options, n int, ended func(trace string) error) (*TracedSession, error) {
	s := &TracedSession{left: n, prefix: o.ProfilePrefix, ended: ended}
	if s.prefix == "" || n < 1 {
		return nil, errors.New("runtimes: tracing steps needs a ProfilePrefix and at least one step")
	}
	var err error
	if s.now, err = r.NewSession(step, o); err != nil {
		return nil, err
	}
	o.ProfilePrefix = ""
	s.plain = func() (Session, error) { return r.NewSession(step, o) }
	return s, nil
}

// Step implements Session. After the last traced step it first goes over to the
// session without trace; if that fails, the traced one is kept.
func (s *TracedSession) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if s.left == 0 && s.plain != nil {
		if err := s.goOver(); err != nil {
			return nil, err
		}
	}
	metrics, err := s.now.Step(ctx, feeds, hyper)
	if err == nil && s.left > 0 {
		s.left--
	}
	return metrics, err
}

func (s *TracedSession) goOver() error {
	state, err := s.now.State()
	if err != nil {
		return err
	}
	next, err := s.plain()
	if err != nil {
		return err
	}
	if err := next.SetState(state); err != nil {
		return errors.Join(err, next.Close())
	}
	traced := s.now
	s.now, s.plain = next, nil
	return errors.Join(traced.Close(), s.end())
}

// end hands over the trace of a closed session.
func (s *TracedSession) end() error {
	trace, err := FindTrace(s.prefix)
	if err != nil {
		return err
	}
	return s.ended(trace)
}

// SetState implements Session.
func (s *TracedSession) SetState(state step.State) error {
	return s.now.SetState(state)
}

// State implements Session.
func (s *TracedSession) State() (step.State, error) { return s.now.State() }

// Undo implements Session.
func (s *TracedSession) Undo() error { return s.now.Undo() }

// Close implements Session. Closing again does nothing.
func (s *TracedSession) Close() error {
	if s.now == nil {
		return nil
	}
	err := s.now.Close()
	s.now = nil
	if s.plain != nil {
		s.plain = nil
		err = errors.Join(err, s.end())
	}
	return err
}
