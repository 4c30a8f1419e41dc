// Package ortapi loads libraries of ONNX Runtime. Their C API is a table of functions,
// OrtApi, that only ever grows at its end, so that one program drives every version: a
// function is its place in the table. The packages that call functions have the places
// and signatures of those, from onnxruntime_c_api.h; a test compares the places.
package ortapi

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

typedef void *const *table; // OrtApi, or another of the kind

// What OrtGetApiBase returns, the same in every version.
typedef struct {
	table (*get_api)(uint32_t version); // NULL where the library has no such version
	const char *(*get_version_string)(void);
} api_base;

// Places in OrtApi.
enum {
	GetErrorMessage = 2,
	ReleaseStatus = 93,
	GetAvailableProviders = 125,
	ReleaseAvailableProviders = 126,
	GetTrainingApi = 219,
};

static const api_base *pmx_load(const char *path, const char **message) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); // local: another may be loaded beside it
	if (!library) {
		*message = dlerror();
		return NULL;
	}
	const api_base *(*get_base)(void) = (const api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	return get_base ? get_base() : NULL;
}

static const char *pmx_version(const api_base *base) { return base->get_version_string(); }
static table pmx_table(const api_base *base, uint32_t version) { return base->get_api(version); }
static table pmx_training_table(table t, uint32_t version) { return ((table(*)(uint32_t))t[GetTrainingApi])(version); }

static const char *pmx_error_message(table t, void *status) { return ((const char *(*)(void *))t[GetErrorMessage])(status); }
static void pmx_release(table t, int place, void *object) { ((void (*)(void *))t[place])(object); }

// These two give an OrtStatus *; NULL is success.
static void *pmx_providers(table t, char ***names, int *n) {
	return ((void *(*)(char ***, int *))t[GetAvailableProviders])(names, n);
}
static void *pmx_release_providers(table t, char **names, int n) {
	return ((void *(*)(char **, int))t[ReleaseAvailableProviders])(names, n);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"
)

// Library is a loaded library and what it says about itself.
type Library struct {
	Path      string
	Version   string   // 1.27.0
	API       int      // the newest version of the C API that it has: 27
	Providers []string // execution providers compiled in: CPUExecutionProvider, ...
	Training  bool     // it has the training API; not looked for before version 19

	base *C.api_base
	api  Table
}

// Table is the address of OrtApi's first function, or of OrtTrainingApi's.
type Table = *unsafe.Pointer

// trainingSince is the first version of the C API whose table is known to have the
// place of the training API.
const trainingSince = 19

// Load loads the library at path, and asks it what it is. The library stays loaded:
// ONNX Runtime does not survive being unloaded.
func Load(path string) (*Library, error) {
	l := &Library{Path: path}
	if err := l.load(); err != nil {
		return nil, err
	}
	var err error
	if l.Providers, err = l.providers(); err != nil {
		return nil, fmt.Errorf("%s: providers: %w", path, err)
	}
	l.Training = l.API >= trainingSince && l.TrainingTable(l.API) != nil
	return l, nil
}

func (l *Library) load() (err error) {
	path := C.CString(l.Path)
	defer C.free(unsafe.Pointer(path))
	var message *C.char
	l.base = C.pmx_load(path, &message)
	switch {
	case message != nil:
		if p := platformOf(l.Path); p != "" && p != thisPlatform {
			return fmt.Errorf("%s: a library for %s, and this machine is %s", l.Path, p, thisPlatform)
		}
		return fmt.Errorf("%s: %s", l.Path, strings.TrimPrefix(oneLine(message), l.Path+": "))
	case l.base == nil:
		return fmt.Errorf("%s: not an ONNX Runtime library: it has no OrtGetApiBase", l.Path)
	}
	l.Version = C.GoString(C.pmx_version(l.base))
	// Version 1.N.P has version N of the C API.
	minor, ok := strings.CutPrefix(l.Version, "1.")
	minor, _, _ = strings.Cut(minor, ".")
	if l.API, err = strconv.Atoi(minor); err != nil || !ok {
		return fmt.Errorf("%s: unknown version %q", l.Path, l.Version)
	}
	l.api, err = l.Table(l.API)
	return err
}

// Base is the library's const OrtApiBase *, for C code.
func (l *Library) Base() unsafe.Pointer { return unsafe.Pointer(l.base) }

// Table gives OrtApi as a version of the C API has it.
func (l *Library) Table(version int) (Table, error) {
	var t Table
	if version <= l.API { // asked for one that it has not, the library would print so
		t = C.pmx_table(l.base, C.uint32_t(version))
	}
	if t == nil {
		return nil, fmt.Errorf("%s is ONNX Runtime %s, without version %d of the C API", l.Path, l.Version, version)
	}
	return t, nil
}

// TrainingTable gives OrtTrainingApi; nil where the library is built without it.
func (l *Library) TrainingTable(version int) Table {
	return C.pmx_training_table(l.api, C.uint32_t(version))
}

func (l *Library) providers() (list []string, err error) {
	var names **C.char
	var n C.int
	if err := l.Check(C.pmx_providers(l.api, &names, &n)); err != nil {
		return nil, err
	}
	for _, name := range unsafe.Slice(names, int(n)) {
		list = append(list, C.GoString(name))
	}
	return list, l.Check(C.pmx_release_providers(l.api, names, n))
}

// Check makes an OrtStatus * an error of one line, and releases it; nil is success.
func (l *Library) Check(status unsafe.Pointer) error {
	if status == nil {
		return nil
	}
	defer Release(l.api, C.ReleaseStatus, &status)
	return errors.New(oneLine(C.pmx_error_message(l.api, status)))
}

// Release releases an object, if it is there, by the function at a place of a table.
func Release(t Table, place int, object *unsafe.Pointer) {
	if *object != nil {
		C.pmx_release(t, C.int(place), *object)
		*object = nil
	}
}

func oneLine(s *C.char) string { return strings.Join(strings.Fields(C.GoString(s)), " ") }
