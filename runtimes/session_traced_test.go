package runtimes_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"pmx/internal/errtest"
	"pmx/onnxgraph"
	"pmx/runtimes"
	"pmx/step"
)

// countingRuntime compiles the sessions that it is given, one after the other; nil fails.
// None leaves a trace.
type countingRuntime struct {
	runtimes.Runtime
	sessions []*countingSession
}

func (r *countingRuntime) NewSession(*step.Step, runtimes.Options) (runtimes.Session, error) {
	s := r.sessions[0]
	if r.sessions = r.sessions[1:]; s == nil {
		return nil, errors.New("no memory")
	}
	return s, nil
}

// countingSession is a session whose state is how often Step was called.
type countingSession struct {
	steps   int64
	noState bool
}

func (s *countingSession) SetState(state step.State) error {
	s.steps = onnxgraph.Data[int64](state["steps"])[0]
	return nil
}

func (s *countingSession) State() (step.State, error) {
	if s.noState {
		return nil, errors.New("no room")
	}
	return step.State{"steps": onnxgraph.NewTensor([]int{1}, []int64{s.steps})}, nil
}

func (s *countingSession) Step(context.Context, map[string]*onnxgraph.Tensor, map[string]float64) (map[string]float64, error) {
	s.steps++
	return map[string]float64{"loss": float64(s.steps)}, nil
}

func (s *countingSession) Undo() error  { s.steps--; return nil }
func (s *countingSession) Close() error { return nil }

func traceCounting(t *testing.T, ended func(trace string, err error), sessions ...*countingSession) *runtimes.TracedSession {
	t.Helper()
	s, err := runtimes.TraceSteps(&countingRuntime{sessions: sessions}, nil, runtimes.Options{ProfilePrefix: filepath.Join(t.TempDir(), "trace")}, 2, ended)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTracedSessionFails: without a trace, and without a session to go over to, the steps
// are those of a session that is not traced, and why there is no profile is told once.
func TestTracedSessionFails(t *testing.T) {
	for name, c := range map[string]struct {
		traced, next *countingSession
		want         string
	}{
		"no trace":                 {&countingSession{}, &countingSession{}, "the runtime wrote no trace"},
		"no second session":        {&countingSession{}, nil, "the run continues with the trace: no memory"},
		"the state cannot be read": {&countingSession{noState: true}, &countingSession{}, "the run continues with the trace: no room"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []error
			s := traceCounting(t, func(_ string, err error) { told = append(told, err) }, c.traced, c.next)
			for i := range 6 {
				metrics, err := s.Step(t.Context(), nil, nil)
				if err != nil || metrics["loss"] != float64(i+1) {
					t.Errorf("step %d: %v, %v", i+1, metrics, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if len(told) != 1 || !strings.Contains(told[0].Error(), c.want) {
				t.Errorf("told %v, want %q", told, c.want)
			}
		})
	}
}

// TestTracedSessionClosed: what comes after Close is refused.
func TestTracedSessionClosed(t *testing.T) {
	s := traceCounting(t, func(string, error) {}, &countingSession{})
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, stepErr := s.Step(t.Context(), nil, nil)
	_, stateErr := s.State()
	for _, err := range []error{stepErr, stateErr, s.SetState(nil), s.Undo()} {
		errtest.OneLine(t, err, "the session is closed")
	}
}
