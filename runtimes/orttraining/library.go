package orttraining

/*
#include <stdlib.h>
#include "api.h"
*/
import "C"

import (
	"fmt"
	"path/filepath"
	"sync"
	"unsafe"

	"pmx/internal/ortapi"
)

// apiVersion is the version of the C API that this package calls.
const apiVersion = 19

// Library is a loaded ONNX Runtime Training library with its environment.
type Library struct {
	loaded    *ortapi.Library
	api       C.api // OrtApi
	training  C.api // OrtTrainingApi
	env       C.handle
	memory    C.handle // says that tensors lie in main memory
	allocator C.handle
}

// libraries are those that the process has loaded, by path.
var libraries struct {
	sync.Mutex
	open map[string]*Library
}

// Open loads the library at path, or gives the one that was loaded from there
// before. It fails if the library cannot be loaded, or has no training API of
// version 19, as the stock ONNX Runtime has not.
func Open(path string) (*Library, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("orttraining: %s: %w", path, err)
	}
	libraries.Lock()
	defer libraries.Unlock()
	if l := libraries.open[absolute]; l != nil {
		return l, nil
	}
	l := &Library{}
	if err := l.load(absolute); err != nil {
		return nil, fmt.Errorf("orttraining: %w; `pmx runtime install ort-training` installs a library that fits", err)
	}
	if libraries.open == nil {
		libraries.open = map[string]*Library{}
	}
	libraries.open[absolute] = l
	return l, nil
}

func (l *Library) load(path string) (err error) {
	if l.loaded, err = ortapi.Load(path); err != nil {
		return err
	}
	if l.api, err = l.loaded.Table(apiVersion); err != nil {
		return err
	}
	if l.training = l.loaded.TrainingTable(apiVersion); l.training == nil {
		return fmt.Errorf("%s is ONNX Runtime %s, built without the training API", path, l.Version())
	}
	for _, create := range []func() C.status{
		func() C.status { return C.pmx_create_env(l.api, &l.env) },
		func() C.status { return C.pmx_cpu_memory(l.api, &l.memory) },
		func() C.status { return C.pmx_allocator(l.api, &l.allocator) },
	} {
		if err := l.check(create()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// Path is where the library was loaded from.
func (l *Library) Path() string { return l.loaded.Path }

// Version is the library's version, such as 1.19.2.
func (l *Library) Version() string { return l.loaded.Version }

// Providers lists the execution providers that the library was built with, such as
// CPUExecutionProvider.
func (l *Library) Providers() []string { return l.loaded.Providers }

// Loaded is the library for other callers of its C API.
func (l *Library) Loaded() *ortapi.Library { return l.loaded }

// check takes a status of the library, and gives it back to the library.
func (l *Library) check(s C.status) error { return l.loaded.Check(unsafe.Pointer(s)) }

// release gives an object back, by one of the Release functions of a table.
func release(table C.api, place int, h *C.handle) {
	ortapi.Release(table, place, (*unsafe.Pointer)(h))
}

// takeString copies a string that the library allocated, and frees it.
func (l *Library) takeString(s *C.char) string {
	text := C.GoString(s)
	l.free(unsafe.Pointer(s))
	return text
}

// free gives memory back to the library's allocator, which cannot fail.
func (l *Library) free(p unsafe.Pointer) { _ = l.check(C.pmx_free(l.api, l.allocator, p)) }

// names lists the names of inputs or outputs of a session, by two functions of
// one of the tables.
func (l *Library) names(table C.api, count, name C.int, session C.handle) ([]string, error) {
	var n C.size_t
	if err := l.check(C.pmx_count(table, count, session, &n)); err != nil {
		return nil, err
	}
	list := make([]string, n)
	for i := range list {
		var s *C.char
		if err := l.check(C.pmx_name(table, name, session, C.size_t(i), l.allocator, &s)); err != nil {
			return nil, err
		}
		list[i] = l.takeString(s)
	}
	return list, nil
}
