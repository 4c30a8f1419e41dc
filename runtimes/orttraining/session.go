package orttraining

/*
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"pmx/onnxgraph"
)

// Session runs a model. It is a plain inference session; whatever trains in it
// does so by the model's own inputs and outputs.
type Session struct {
	library         *Library
	session         C.handle
	inputs, outputs cNames
}

var errSessionClosed = errors.New("orttraining: the session is closed")

// NewSession compiles the bytes of an ONNX model. Graph inputs and outputs have
// the order of the model.
func (l *Library) NewSession(model []byte, o *SessionOptions) (*Session, error) {
	return l.newSession(o, func(s *Session) C.status {
		return C.pmx_create_session_bytes(l.api, l.env, unsafe.Pointer(unsafe.SliceData(model)), C.size_t(len(model)), o.options, &s.session)
	})
}

// NewSessionFromFile compiles the model in a file, whose data may lie in other
// files beside it. The session does not need them any more.
func (l *Library) NewSessionFromFile(path string, o *SessionOptions) (*Session, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return l.newSession(o, func(s *Session) C.status {
		return C.pmx_create_session(l.api, l.env, name, o.options, &s.session)
	})
}

func (l *Library) newSession(o *SessionOptions, create func(*Session) C.status) (*Session, error) {
	if o.options == nil {
		return nil, errors.New("orttraining: the session options are closed")
	}
	s := &Session{library: l}
	err := l.check(create(s))
	if err == nil {
		err = s.readNames()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("orttraining: ONNX Runtime %s refuses the model: %w", l.Version(), err)
	}
	return s, nil
}

func (s *Session) readNames() error {
	l := s.library
	inputs, err := l.names(l.api, C.SessionGetInputCount, C.SessionGetInputName, s.session)
	if err != nil {
		return err
	}
	outputs, err := l.names(l.api, C.SessionGetOutputCount, C.SessionGetOutputName, s.session)
	if err != nil {
		return err
	}
	s.inputs, s.outputs = newCNames(inputs), newCNames(outputs)
	return nil
}

// Inputs lists the model's inputs, in order.
func (s *Session) Inputs() []string { return s.inputs.names }

// Outputs lists the model's outputs, in order.
func (s *Session) Outputs() []string { return s.outputs.names }

// Pointer is the OrtSession *, for C code that allocates in the memory of its device.
// It is nil after Close.
func (s *Session) Pointer() unsafe.Pointer { return unsafe.Pointer(s.session) }

// Run reads the inputs and writes the outputs in place, both in the model's order.
// An output's shape must be what the model computes. Nothing is copied. If it
// fails, the outputs may be half written.
func (s *Session) Run(inputs, outputs []*Value) error {
	in, err := handles("input", s.inputs.names, inputs)
	if err != nil {
		return err
	}
	out, err := handles("output", s.outputs.names, outputs)
	if err != nil {
		return err
	}
	if s.session == nil {
		return errSessionClosed
	}
	err = s.library.check(s.run(in, out))
	runtime.KeepAlive(inputs)
	runtime.KeepAlive(outputs)
	if err != nil {
		return fmt.Errorf("orttraining: run: %w", err)
	}
	return nil
}

// RunFeeds computes all outputs for feeds by input name.
func (s *Session) RunFeeds(feeds map[string]*onnxgraph.Tensor) (map[string]*onnxgraph.Tensor, error) {
	if s.session == nil {
		return nil, errSessionClosed
	}
	out, err := s.library.runFeeds(s.inputs.names, s.outputs.names, feeds, s.run)
	if err != nil {
		return nil, fmt.Errorf("orttraining: run: %w", err)
	}
	return out, nil
}

func (s *Session) run(in, out []C.handle) C.status {
	return C.pmx_run(s.library.api, s.session, s.inputs.array, unsafe.SliceData(in), C.size_t(len(in)),
		s.outputs.array, C.size_t(len(out)), unsafe.SliceData(out))
}

// Close releases the session. A trace that was asked for is then complete.
func (s *Session) Close() error {
	release(s.library.api, C.ReleaseSession, &s.session)
	s.inputs.free()
	s.outputs.free()
	return nil
}

// handles gives the library's objects of a list of values.
func handles(what string, names []string, values []*Value) ([]C.handle, error) {
	if len(values) != len(names) {
		return nil, fmt.Errorf("orttraining: run: got %d %ss, want %d", len(values), what, len(names))
	}
	list := make([]C.handle, len(values))
	for i, v := range values {
		if v == nil || v.value == nil {
			return nil, fmt.Errorf("orttraining: run: the value for %s %s is closed or nil", what, names[i])
		}
		list[i] = v.value
	}
	return list, nil
}

// cNames is a list of names in Go, and as C wants it.
type cNames struct {
	names []string
	array **C.char
}

func newCNames(names []string) cNames {
	c := cNames{names: names}
	if len(names) > 0 {
		c.array = (**C.char)(C.malloc(C.size_t(len(names)) * C.size_t(unsafe.Sizeof(c.array))))
		for i, name := range names {
			unsafe.Slice(c.array, len(names))[i] = C.CString(name)
		}
	}
	return c
}

func (c *cNames) free() {
	if c.array == nil {
		return
	}
	for _, name := range unsafe.Slice(c.array, len(c.names)) {
		C.free(unsafe.Pointer(name))
	}
	C.free(unsafe.Pointer(c.array))
	c.array = nil
}
