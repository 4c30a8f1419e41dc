package runtimes

import (
	"context"
	"errors"
	"fmt"

	"pmx/step"

	"pmx/onnxgraph"
)

// reference runs models by the operators' own Eval, in float64, on one core:
// slow, and what the other runtimes are compared with. Between steps the state is
// rounded to the float32 that checkpoints hold.
type reference struct{}

var _ = RegisterRuntime(reference{})

func (reference) Name() string { return "reference" }

func (reference) Version(Options) (string, error) { return "pmx float64", nil }

func (reference) NewSession(of *step.Step, o Options) (Session, error) {
	if err := wantCPU("reference", o); err != nil {
		return nil, err
	}
	if o.ProfilePrefix != "" {
		return nil, errors.New("runtimes: runtime reference writes no trace: use --runtime ort")
	}
	s := &referenceSession{step: of, eval: onnxgraph.NewEvaluator(of.Model.Graph), state: step.State{}}
	for _, t := range of.State {
		dtype, err := onnxgraph.ParseDType(t.DType)
		if err != nil {
			return nil, err
		}
		s.state[t.Name] = onnxgraph.Widen(onnxgraph.Zeros(dtype, t.Shape))
	}
	return s, nil
}

func (reference) NewInference(m *onnxgraph.Model, o Options) (Inference, error) {
	if err := wantCPU("reference", o); err != nil {
		return nil, err
	}
	return &referenceInference{graph: m.Graph, eval: onnxgraph.NewEvaluator(m.Graph)}, nil
}

// wantCPU refuses a device that a runtime does not have.
func wantCPU(runtime string, o Options) error {
	if o.Device != "" && o.Device != "cpu" {
		return fmt.Errorf("runtimes: runtime %s has no device %q: use --device cpu or --runtime ort", runtime, o.Device)
	}
	return nil
}

type referenceSession struct {
	step     *step.Step
	eval     *onnxgraph.Evaluator
	state    step.State
	previous step.State // nil where there is nothing to undo
}

func (s *referenceSession) SetState(state step.State) error {
	if err := checkState(s.step, state); err != nil {
		return err
	}
	s.previous = nil
	for _, t := range s.step.State {
		s.state[t.Name] = onnxgraph.Widen(state[t.Name].Clone())
	}
	return nil
}

func (s *referenceSession) State() (step.State, error) {
	out := step.State{}
	for name, t := range s.state {
		out[name] = onnxgraph.Narrow(t)
	}
	return out, nil
}

func (s *referenceSession) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkFeeds(s.step, feeds, hyper); err != nil {
		return nil, err
	}
	in := map[string]*onnxgraph.Tensor{}
	for _, p := range s.step.Batch {
		in[p.Name] = feeds[p.Name]
	}
	for _, h := range s.step.Hyper {
		in[h.Name] = onnxgraph.NewTensor([]int{1}, []float64{hyper[h.Name]})
	}
	for _, t := range s.step.State {
		in[t.In] = s.state[t.Name]
	}
	out, err := s.eval.Run(in)
	if err != nil {
		return nil, err
	}
	next := step.State{}
	for _, t := range s.step.State {
		if t.Kind == step.Frozen {
			next[t.Name] = s.state[t.Name]
			continue
		}
		next[t.Name] = onnxgraph.Widen(onnxgraph.Narrow(out[t.Out])) // as a checkpoint keeps it, so that a resumed run is the same
	}
	s.previous, s.state = s.state, next
	metrics := map[string]float64{}
	for _, name := range s.step.Metrics {
		metrics[name] = out[name].Float64s()[0]
	}
	return metrics, nil
}

func (s *referenceSession) Undo() error {
	if s.previous == nil {
		return errNothingToUndo
	}
	s.state, s.previous = s.previous, nil
	return nil
}

func (s *referenceSession) Close() error { return nil }

type referenceInference struct {
	graph *onnxgraph.Graph
	eval  *onnxgraph.Evaluator
}

func (r *referenceInference) Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	out, err := r.eval.Run(feeds)
	if err != nil {
		return nil, err
	}
	for _, v := range r.graph.Outputs() {
		if v.DType == onnxgraph.Float32 {
			out[v.Name] = onnxgraph.Narrow(out[v.Name])
		}
	}
	return out, nil
}

func (r *referenceInference) Close() error { return nil }
