package orttraining

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include "api.h"

static void *pmx_open(const char *path, const char **message) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); // local: the stock library may be loaded beside it
	if (!library) *message = dlerror();
	return library;
}

static const pmx_base *pmx_find_base(void *library) {
	const pmx_base *(*get)(void) = (const pmx_base *(*)(void))dlsym(library, "OrtGetApiBase");
	return get ? get() : NULL;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"
)

// Library is a loaded ONNX Runtime Training library with its environment.
type Library struct {
	path      string
	base      *C.pmx_base
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
	l := &Library{path: absolute}
	if err := l.load(); err != nil {
		return nil, fmt.Errorf("orttraining: %s: %w; `pmx runtime install ort-training` brings a library that fits", path, err)
	}
	if libraries.open == nil {
		libraries.open = map[string]*Library{}
	}
	libraries.open[absolute] = l
	return l, nil
}

func (l *Library) load() error {
	path := C.CString(l.path)
	defer C.free(unsafe.Pointer(path))
	var message *C.char
	library := C.pmx_open(path, &message)
	if library == nil {
		return fmt.Errorf("it cannot be loaded: %s", oneLine(C.GoString(message)))
	}
	if l.base = C.pmx_find_base(library); l.base == nil {
		return errors.New("it is no ONNX Runtime library: it has no OrtGetApiBase")
	}
	// Release 1.N has version N. Asked for one that it has not, the library would print so.
	var release int
	if _, err := fmt.Sscanf(l.Version(), "1.%d.", &release); err == nil && release >= C.PMX_API_VERSION {
		l.api = C.pmx_get_api(l.base)
	}
	if l.api == nil {
		return fmt.Errorf("it is ONNX Runtime %s, without version %d of the C API", l.Version(), C.PMX_API_VERSION)
	}
	if l.training = C.pmx_get_training_api(l.api); l.training == nil {
		return fmt.Errorf("it is ONNX Runtime %s, built without the training API", l.Version())
	}
	for _, create := range []func() C.status{
		func() C.status { return C.pmx_create_env(l.api, &l.env) },
		func() C.status { return C.pmx_cpu_memory(l.api, &l.memory) },
		func() C.status { return C.pmx_allocator(l.api, &l.allocator) },
	} {
		if err := l.check(create()); err != nil {
			return err
		}
	}
	return nil
}

// Path is where the library was loaded from.
func (l *Library) Path() string { return l.path }

// Version is the library's version, such as 1.19.2.
func (l *Library) Version() string { return C.GoString(C.pmx_version(l.base)) }

// APIBase is the library's const OrtApiBase *, for C code that registers custom
// operators.
func (l *Library) APIBase() unsafe.Pointer { return unsafe.Pointer(l.base) }

// Providers lists the execution providers that the library was built with, such as
// CPUExecutionProvider.
func (l *Library) Providers() ([]string, error) {
	var names **C.char
	var n C.int
	if err := l.check(C.pmx_providers(l.api, &names, &n)); err != nil {
		return nil, fmt.Errorf("orttraining: providers: %w", err)
	}
	var list []string
	for _, name := range unsafe.Slice(names, int(n)) {
		list = append(list, C.GoString(name))
	}
	return list, l.check(C.pmx_release_providers(l.api, names, n))
}

// Error is what the library said, on one line.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

// check takes a status of the library, and gives it back to the library.
func (l *Library) check(s C.status) error {
	if s == nil {
		return nil
	}
	defer C.pmx_release(l.api, C.ReleaseStatus, C.handle(s))
	return &Error{oneLine(C.GoString(C.pmx_error_message(l.api, s)))}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// release gives an object back, by one of the Release functions of OrtApi.
func (l *Library) release(place C.int, h *C.handle) {
	if *h != nil {
		C.pmx_release(l.api, place, *h)
		*h = nil
	}
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
