package orttraining

/*
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"pmx/onnxgraph"
)

// Models are the on-device artifacts besides the checkpoint, as bytes.
type Models struct {
	Training  []byte
	Eval      []byte // nil: no EvalStep
	Optimizer []byte // nil: no OptimizerStep; the training model updates the parameters itself
}

// ModelFiles are the paths of the artifacts. Only a session from files can export.
type ModelFiles struct {
	Training  string
	Eval      string // "": no EvalStep, no Export
	Optimizer string // "": no OptimizerStep
}

// TrainingSession trains the parameters of a checkpoint state.
type TrainingSession struct {
	library                        *Library
	state                          *CheckpointState
	session                        C.handle
	trainingInputs, trainingOuts   []string
	evalInputs, evalOuts           []string
	hasEval, hasOptimizer, hasPath bool
}

var errTrainingClosed = errors.New("orttraining: the training session is closed")

// NewTrainingSession compiles models over the state's parameters.
func (l *Library) NewTrainingSession(state *CheckpointState, m Models, o *SessionOptions) (*TrainingSession, error) {
	s := &TrainingSession{library: l, state: state, hasEval: m.Eval != nil, hasOptimizer: m.Optimizer != nil}
	return s.start(o, func() C.status {
		pointer := func(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
		return C.pmx_create_training_bytes(l.training, l.env, o.options, state.state,
			pointer(m.Training), C.size_t(len(m.Training)), pointer(m.Eval), C.size_t(len(m.Eval)),
			pointer(m.Optimizer), C.size_t(len(m.Optimizer)), &s.session)
	})
}

// NewTrainingSessionFromFiles compiles models from files over the state's
// parameters. Export reads the eval model's file again.
func (l *Library) NewTrainingSessionFromFiles(state *CheckpointState, m ModelFiles, o *SessionOptions) (*TrainingSession, error) {
	s := &TrainingSession{library: l, state: state, hasEval: m.Eval != "", hasOptimizer: m.Optimizer != "", hasPath: true}
	var paths [3]*C.char
	for i, path := range []string{m.Training, m.Eval, m.Optimizer} {
		if path == "" && i > 0 {
			continue
		}
		if _, err := os.Stat(path); err != nil { // the library's own message can be opaque
			return nil, fmt.Errorf("orttraining: model: %w", err)
		}
		paths[i] = C.CString(path)
		defer C.free(unsafe.Pointer(paths[i]))
	}
	return s.start(o, func() C.status {
		return C.pmx_create_training(l.training, l.env, o.options, state.state, paths[0], paths[1], paths[2], &s.session)
	})
}

func (s *TrainingSession) start(o *SessionOptions, create func() C.status) (*TrainingSession, error) {
	switch {
	case o.options == nil:
		return nil, errors.New("orttraining: the session options are closed")
	case s.state.closed:
		return nil, errStateClosed
	}
	l := s.library
	err := l.check(create())
	s.state.sessions++
	if err == nil {
		err = s.readNames()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("orttraining: ONNX Runtime %s refuses the models: %w", l.Version(), err)
	}
	return s, nil
}

func (s *TrainingSession) readNames() (err error) {
	l := s.library
	read := func(count, name C.int) (list []string) {
		if err == nil {
			list, err = l.names(l.training, count, name, s.session)
		}
		return list
	}
	s.trainingInputs = read(C.TrainingSessionGetTrainingModelInputCount, C.TrainingSessionGetTrainingModelInputName)
	s.trainingOuts = read(C.TrainingSessionGetTrainingModelOutputCount, C.TrainingSessionGetTrainingModelOutputName)
	if s.hasEval {
		s.evalInputs = read(C.TrainingSessionGetEvalModelInputCount, C.TrainingSessionGetEvalModelInputName)
		s.evalOuts = read(C.TrainingSessionGetEvalModelOutputCount, C.TrainingSessionGetEvalModelOutputName)
	}
	return err
}

// TrainingInputs lists the inputs that TrainStep is fed: those of the training
// model that are no parameters, gradients or signals.
func (s *TrainingSession) TrainingInputs() []string { return s.trainingInputs }

// TrainingOutputs lists what TrainStep gives.
func (s *TrainingSession) TrainingOutputs() []string { return s.trainingOuts }

// EvalInputs lists the inputs that EvalStep is fed.
func (s *TrainingSession) EvalInputs() []string { return s.evalInputs }

// EvalOutputs lists what EvalStep gives.
func (s *TrainingSession) EvalOutputs() []string { return s.evalOuts }

// TrainStep runs the training model: forward, backward, and the gradients added to
// those of earlier calls since ResetGradients.
func (s *TrainingSession) TrainStep(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	return s.step("train step", C.TrainStep, s.trainingInputs, s.trainingOuts, feeds)
}

// EvalStep runs the eval model.
func (s *TrainingSession) EvalStep(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	if !s.hasEval {
		return nil, errors.New("orttraining: eval step: the session has no eval model")
	}
	return s.step("eval step", C.EvalStep, s.evalInputs, s.evalOuts, feeds)
}

func (s *TrainingSession) step(what string, place C.int, inputs, outputs []string, feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	if s.session == nil {
		return nil, errTrainingClosed
	}
	out, err := s.library.runFeeds(inputs, outputs, feeds, func(in, out []C.handle) C.status {
		return C.pmx_step(s.library.training, place, s.session, C.size_t(len(in)), unsafe.SliceData(in), C.size_t(len(out)), unsafe.SliceData(out))
	})
	if err != nil {
		return nil, fmt.Errorf("orttraining: %s: %w", what, err)
	}
	return out, nil
}

// OptimizerStep updates the parameters by the accumulated gradients.
func (s *TrainingSession) OptimizerStep() error {
	if s.session != nil && !s.hasOptimizer {
		return errors.New("orttraining: optimizer step: the session has no optimizer model")
	}
	return s.do("optimizer step", func() C.status { return C.pmx_optimizer_step(s.library.training, s.session) })
}

// ResetGradients makes the next TrainStep begin with gradients of zero.
func (s *TrainingSession) ResetGradients() error {
	return s.do("reset gradients", func() C.status { return C.pmx_reset_gradients(s.library.training, s.session) })
}

// SetLearningRate sets what OptimizerStep uses from now on. A new session has the
// checkpoint's initial rate, or 1e-3.
func (s *TrainingSession) SetLearningRate(rate float32) error {
	if s.session != nil && !s.hasOptimizer {
		return errors.New("orttraining: learning rate: the session has no optimizer model")
	}
	return s.do("learning rate", func() C.status { return C.pmx_set_learning_rate(s.library.training, s.session, C.float(rate)) })
}

// LearningRate is what OptimizerStep uses.
func (s *TrainingSession) LearningRate() (float32, error) {
	if s.session != nil && !s.hasOptimizer {
		return 0, errors.New("orttraining: learning rate: the session has no optimizer model")
	}
	var rate C.float
	err := s.do("learning rate", func() C.status { return C.pmx_get_learning_rate(s.library.training, s.session, &rate) })
	return float32(rate), err
}

// Export writes the part of the eval model that the named tensors need as a model
// for inference, with the current parameters in it.
func (s *TrainingSession) Export(path string, outputs ...string) error {
	if s.session != nil && !(s.hasEval && s.hasPath) {
		return errors.New("orttraining: export: the session has no eval model in a file")
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	names := newCNames(outputs)
	defer names.free()
	return s.do("export "+path, func() C.status {
		return C.pmx_export(s.library.training, s.session, name, C.size_t(len(outputs)), names.array)
	})
}

func (s *TrainingSession) do(what string, call func() C.status) error {
	if s.session == nil {
		return errTrainingClosed
	}
	if err := s.library.check(call()); err != nil {
		return fmt.Errorf("orttraining: %s: %w", what, err)
	}
	return nil
}

// Close releases the session, and the state if that was closed before.
func (s *TrainingSession) Close() error {
	if s.state == nil {
		return nil
	}
	release(s.library.training, C.ReleaseTrainingSession, &s.session)
	s.state.sessions--
	s.state.releaseIfLast()
	s.state = nil
	return nil
}
