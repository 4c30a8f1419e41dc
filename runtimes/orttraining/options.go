package orttraining

/*
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"pmx/runtimes/cuda"
	"pmx/runtimes/runtimelib"
)

// Optimization is how far the library rewrites a graph before it runs it.
type Optimization int

// The library's levels. The zero value of Options has all of them.
const (
	OptimizeAll      Optimization = iota // also layouts
	OptimizeNone                         // the graph as it is
	OptimizeBasic                        // constant folding, redundant nodes
	OptimizeExtended                     // also fusions
)

// Options say how a session runs. The zero value is the library's defaults.
type Options struct {
	// Threads is the number of threads of one operator; 0 = one per core.
	Threads int
	// Optimization is how far the graph is rewritten.
	Optimization Optimization
	// NoMemoryPattern allocates tensors one by one, instead of all as one block
	// planned at the first run: less memory where few of them live at once.
	NoMemoryPattern bool
	// ProfilePrefix, if not "", makes the session write a trace file whose path
	// begins with it when it is closed.
	ProfilePrefix string
	// Config holds the library's session configuration entries, such as
	// session.intra_op.allow_spinning.
	Config map[string]string
	// CUDA, if not nil, runs on the CUDA execution provider, with its options by
	// name, such as device_id.
	CUDA map[string]string
}

// SessionOptions are options in the library's own form.
type SessionOptions struct {
	library *Library
	options C.handle
}

// NewSessionOptions makes the library's form of the options. Close it when the
// sessions made with it exist.
func (l *Library) NewSessionOptions(o Options) (*SessionOptions, error) {
	s := &SessionOptions{library: l}
	if err := s.build(o); err != nil {
		s.Close()
		return nil, fmt.Errorf("orttraining: session options: %w", err)
	}
	if o.CUDA == nil {
		return s, nil
	}
	if err := s.appendCUDA(o.CUDA); err != nil {
		s.Close()
		return nil, fmt.Errorf("orttraining: %w", err)
	}
	return s, nil
}

func (s *SessionOptions) build(o Options) error {
	l := s.library
	if err := l.check(C.pmx_create_options(l.api, &s.options)); err != nil {
		return err
	}
	levels := map[Optimization]C.int{OptimizeAll: 99, OptimizeNone: 0, OptimizeBasic: 1, OptimizeExtended: 2}
	level, ok := levels[o.Optimization]
	if !ok {
		return fmt.Errorf("there is no optimization level %d", o.Optimization)
	}
	if o.Threads < 0 {
		return fmt.Errorf("%d threads: want a positive number, or 0 for one per core", o.Threads)
	}
	for _, set := range []func() C.status{
		func() C.status { return C.pmx_set_option(l.api, C.SetIntraOpNumThreads, s.options, C.int(o.Threads)) },
		func() C.status { return C.pmx_set_option(l.api, C.SetInterOpNumThreads, s.options, 1) },
		func() C.status { return C.pmx_set_option(l.api, C.SetSessionGraphOptimizationLevel, s.options, level) },
		func() C.status {
			if !o.NoMemoryPattern {
				return nil
			}
			return C.pmx_disable_mem_pattern(l.api, s.options)
		},
		func() C.status {
			if o.ProfilePrefix == "" {
				return nil
			}
			prefix := C.CString(o.ProfilePrefix)
			defer C.free(unsafe.Pointer(prefix))
			return C.pmx_enable_profiling(l.api, s.options, prefix)
		},
	} {
		if err := l.check(set()); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.Config)) {
		err := withPair(key, o.Config[key], func(k, v *C.char) error { return l.check(C.pmx_config(l.api, s.options, k, v)) })
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func (s *SessionOptions) appendCUDA(settings map[string]string) error {
	l := s.library
	// Without a driver the library would end the process.
	if err := cuda.Check(runtimelib.ORTTrainingCUDA, l.Path()); err != nil {
		return err
	}
	var provider C.handle
	if err := l.check(C.pmx_create_cuda(l.api, &provider)); err != nil {
		return cuda.Refused(runtimelib.ORTTrainingCUDA, err)
	}
	defer release(l.api, C.ReleaseCUDAProviderOptions, &provider)
	for _, key := range slices.Sorted(maps.Keys(settings)) { // the library names the option that it refuses
		err := withPair(key, settings[key], func(k, v *C.char) error { return l.check(C.pmx_update_cuda(l.api, provider, k, v)) })
		if err != nil {
			return cuda.Refused(runtimelib.ORTTrainingCUDA, err)
		}
	}
	if err := l.check(C.pmx_append_cuda(l.api, s.options, provider)); err != nil {
		return cuda.Refused(runtimelib.ORTTrainingCUDA, err)
	}
	return nil
}

// Pointer is the OrtSessionOptions *, for C code that registers custom operators.
// It is nil after Close.
func (s *SessionOptions) Pointer() unsafe.Pointer { return unsafe.Pointer(s.options) }

// Close releases the options. Sessions made with them continue.
func (s *SessionOptions) Close() error {
	release(s.library.api, C.ReleaseSessionOptions, &s.options)
	return nil
}

// withPair calls f with C copies of two strings.
func withPair(a, b string, f func(a, b *C.char) error) error {
	ca, cb := C.CString(a), C.CString(b)
	defer C.free(unsafe.Pointer(ca))
	defer C.free(unsafe.Pointer(cb))
	return f(ca, cb)
}
