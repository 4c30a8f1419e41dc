package runtimes

import (
	"context"
	"errors"
	"fmt"

	"pmx/step"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/onnxgraph"
)

// stockORT runs models on the official ONNX Runtime library through
// github.com/yalue/onnxruntime_go, on its CPU or CUDA execution provider.
type stockORT struct{}

var _ = RegisterRuntime(stockORT{})

func (stockORT) Name() string { return "ort" }

// On a GPU the bodies run, which ONNX Runtime has operators for.
func (stockORT) takesKernels(device string) bool { return device != "cuda" }

func (stockORT) Version(o Options) (string, error) {
	if err := loadORT(o); err != nil {
		return "", err
	}
	options, err := ort.NewSessionOptions() // of no session, to load what the device needs
	if err != nil {
		return "", fmt.Errorf("runtimes: ONNX Runtime: %w", err)
	}
	defer options.Destroy()
	if err := addDevice(options, o.Device); err != nil {
		return "", fmt.Errorf("runtimes: %w", err)
	}
	return ort.GetVersion(), nil
}

func (stockORT) NewSession(of *step.Step, o Options) (Session, error) {
	if err := loadORT(o); err != nil {
		return nil, err
	}
	s := &ortSession{}
	ok := false
	defer func() {
		if !ok {
			s.Close()
		}
	}()
	for _, t := range of.State {
		s.inputs = append(s.inputs, t.In)
		if t.Kind != step.Frozen {
			s.outputs = append(s.outputs, t.Out)
		}
	}
	for _, p := range of.Batch {
		s.inputs = append(s.inputs, p.Name)
	}
	for _, h := range of.Hyper {
		buffer, err := newNumber()
		if err != nil {
			return nil, err
		}
		s.hyper = append(s.hyper, buffer)
		s.inputs = append(s.inputs, h.Name)
	}
	for _, name := range of.Metrics {
		buffer, err := newNumber()
		if err != nil {
			return nil, err
		}
		s.metrics = append(s.metrics, buffer)
		s.outputs = append(s.outputs, name)
	}
	var err error
	if s.session, err = newORTSession(of.Model, s.inputs, s.outputs, o); err != nil {
		return nil, err
	}
	memory, err := newORTMemory(s.session, o)
	if err != nil {
		return nil, err
	}
	if s.stateSets, err = newStateSets(of, memory, lendORT, borrowORT); err != nil {
		return nil, err
	}
	ok = true
	return s, nil
}

func (stockORT) NewInference(m *onnxgraph.Model, o Options) (Inference, error) {
	if err := loadORT(o); err != nil {
		return nil, err
	}
	inf := &ortInference{graph: m.Graph}
	for _, v := range m.Graph.Inputs() {
		inf.inputs = append(inf.inputs, v.Name)
	}
	for _, v := range m.Graph.Outputs() {
		inf.outputs = append(inf.outputs, v.Name)
	}
	var err error
	if inf.session, err = newORTSession(m, inf.inputs, inf.outputs, o); err != nil {
		return nil, err
	}
	return inf, nil
}

// newORTSession compiles a model with the options of every session of ours.
func newORTSession(m *onnxgraph.Model, inputs, outputs []string, o Options) (*ort.DynamicAdvancedSession, error) {
	options, err := ortOptions(m, o)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	var session *ort.DynamicAdvancedSession
	err = openModel(m, o, func(data []byte) error {
		session, err = ort.NewDynamicAdvancedSessionWithONNXData(data, inputs, outputs, options)
		return ortRefusal(err)
	}, func(path string) error {
		session, err = ort.NewDynamicAdvancedSession(path, inputs, outputs, options)
		return ortRefusal(err)
	})
	return session, err
}

func ortRefusal(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("runtimes: ONNX Runtime %s refuses the model: %w", ort.GetVersion(), err)
}

// ortSession is a step with its state, and buffers for a number each.
type ortSession struct {
	*stateSets[ort.Value]
	session         *ort.DynamicAdvancedSession
	inputs, outputs []string
	hyper, metrics  []buffer
}

func (s *ortSession) Step(ctx context.Context, feeds map[string]*onnxgraph.Tensor, hyper map[string]float64) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.session == nil {
		return nil, errStepClosed
	}
	if err := checkFeeds(s.step, feeds, hyper); err != nil {
		return nil, err
	}
	in, out := make([]ort.Value, 0, len(s.inputs)), make([]ort.Value, 0, len(s.outputs))
	for _, t := range s.current() {
		in = append(in, t.value)
	}
	for _, p := range s.step.Batch {
		b, err := wrap(feeds[p.Name])
		if err != nil {
			return nil, err
		}
		defer b.destroy()
		in = append(in, b.value)
	}
	for i, h := range s.step.Hyper {
		onnxgraph.Data[float32](s.hyper[i].tensor)[0] = float32(hyper[h.Name])
		in = append(in, s.hyper[i].value)
	}
	for i, t := range s.next() {
		if s.step.State[i].Kind != step.Frozen {
			out = append(out, t.value)
		}
	}
	for _, m := range s.metrics {
		out = append(out, m.value)
	}
	if err := s.session.Run(in, out); err != nil {
		return nil, fmt.Errorf("runtimes: step: %w", err)
	}
	s.stepped()
	metrics := make(map[string]float64, len(s.metrics))
	for i, name := range s.step.Metrics {
		metrics[name] = float64(onnxgraph.Data[float32](s.metrics[i].tensor)[0])
	}
	return metrics, nil
}

func (s *ortSession) Close() error {
	for _, list := range [][]buffer{s.hyper, s.metrics} {
		for _, b := range list {
			b.destroy()
		}
	}
	s.hyper, s.metrics = nil, nil
	var errs []error
	if s.stateSets != nil {
		errs = append(errs, s.stateSets.close()) // before the session that it may lie in the memory of
	}
	if s.session != nil {
		errs = append(errs, s.session.Destroy())
		s.session = nil
	}
	return errors.Join(errs...)
}

type ortInference struct {
	graph           *onnxgraph.Graph
	session         *ort.DynamicAdvancedSession
	inputs, outputs []string
}

func (s *ortInference) Run(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	in, out := make([]ort.Value, len(s.inputs)), make([]ort.Value, len(s.outputs))
	for i, name := range s.inputs {
		if feeds[name] == nil {
			return nil, fmt.Errorf("runtimes: input %s is not fed", name)
		}
		b, err := wrap(feeds[name])
		if err != nil {
			return nil, err
		}
		defer b.destroy()
		in[i] = b.value
	}
	if err := s.session.Run(in, out); err != nil {
		return nil, fmt.Errorf("runtimes: inference: %w", err)
	}
	defer func() {
		for _, v := range out {
			v.Destroy()
		}
	}()
	results := map[string]*onnxgraph.Tensor{}
	for i, name := range s.outputs {
		t, err := copyOut(out[i])
		if err != nil {
			return nil, fmt.Errorf("runtimes: output %s: %w", name, err)
		}
		results[name] = t
	}
	return results, nil
}

func (s *ortInference) Close() error { return s.session.Destroy() }
