package runtimes

import (
	"context"
	"errors"
	"fmt"

	"pmx/step"

	"pmx/onnxgraph"
)

// TracedSession is a Session whose first steps leave a trace. A runtime's trace lasts
// as long as the session that writes it, and that of a whole training would be huge,
// so these steps run on a session of their own, which hands its state to one that is
// not traced. The numbers are those of a training without a trace, and what goes wrong
// with the trace is no error of a step.
type TracedSession struct {
	now    Session                 // nil: closed
	left   int                     // steps that are still traced
	plain  func() (Session, error) // makes the session without trace; nil when the trace has ended
	prefix string
	ended  func(trace string, err error)
}

// TraceSteps compiles a step and traces its first n steps. ended is called once: with
// the trace's path, below o.ProfilePrefix, as soon as it is complete, which is at the step
// after those or at Close; or with the reason why there is none.
func TraceSteps(r Runtime, step *step.Step, o Options, n int, ended func(trace string, err error)) (*TracedSession, error) {
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
// session without trace; if that fails, the traced one continues.
func (s *TracedSession) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if s.now == nil {
		return nil, errStepClosed
	}
	if s.left == 0 && s.plain != nil {
		s.goOver()
	}
	metrics, err := s.now.Step(ctx, feeds, hyper)
	if err == nil && s.left > 0 {
		s.left--
	}
	return metrics, err
}

// goOver ends the trace. The session that writes it is slower than one without, but
// as good: it stays where there is no other.
func (s *TracedSession) goOver() {
	next, err := s.untraced()
	s.plain = nil
	if err != nil {
		s.ended("", fmt.Errorf("the run continues with the trace: %w", err))
		return
	}
	traced := s.now
	s.now = next
	s.end(traced.Close())
}

// untraced makes the session without trace, in the state of the traced one.
func (s *TracedSession) untraced() (Session, error) {
	state, err := s.now.State()
	if err != nil {
		return nil, err
	}
	next, err := s.plain()
	if err != nil {
		return nil, err
	}
	if err := next.SetState(state); err != nil {
		return nil, errors.Join(err, next.Close())
	}
	return next, nil
}

// end hands over the trace of a session that closed with err.
func (s *TracedSession) end(err error) {
	if err != nil {
		s.ended("", err)
		return
	}
	s.ended(FindTrace(s.prefix))
}

// SetState implements Session.
func (s *TracedSession) SetState(state step.State) error {
	if s.now == nil {
		return errStepClosed
	}
	return s.now.SetState(state)
}

// State implements Session.
func (s *TracedSession) State() (step.State, error) {
	if s.now == nil {
		return nil, errStepClosed
	}
	return s.now.State()
}

// Undo implements Session.
func (s *TracedSession) Undo() error {
	if s.now == nil {
		return errStepClosed
	}
	return s.now.Undo()
}

// Close implements Session. Closing again does nothing.
func (s *TracedSession) Close() error {
	if s.now == nil {
		return nil
	}
	err := s.now.Close()
	s.now = nil
	if s.plain != nil {
		s.plain = nil
		s.end(err)
	}
	return err
}
