//go:build unix

// Package probe loads an ONNX Runtime library and asks it what it is. It sees
// no more of the C API than that needs, so it fits every version.
package probe

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// What OrtGetApiBase returns: two functions, the same in every version.
typedef struct {
	void **(*get_api)(uint32_t version); // a table of functions, or NULL
	const char *(*get_version_string)(void);
} api_base;

// Places in the table of functions. It only ever grows at its end.
enum { get_error_message = 2, release_status = 93, get_available_providers = 125, release_available_providers = 126, get_training_api = 219 };

static void *pmx_open(const char *path, const char **message) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) *message = dlerror();
	return library;
}

static const api_base *pmx_base(void *library) {
	const api_base *(*get_base)(void) = (const api_base *(*)(void))dlsym(library, "OrtGetApiBase");
	return get_base ? get_base() : NULL;
}

static const char *pmx_version(const api_base *base) { return base->get_version_string(); }

static void **pmx_api(const api_base *base, uint32_t version) { return base->get_api(version); }

// NULL where the library is built without it.
static void *pmx_training_api(void **api, uint32_t version) {
	return ((void *(*)(uint32_t))api[get_training_api])(version);
}

// The caller frees the result with pmx_release_providers. On failure it is
// NULL, with a message to free.
static char **pmx_providers(void **api, int *n, char **message) {
	char **names = NULL;
	void *status = ((void *(*)(char ***, int *))api[get_available_providers])(&names, n);
	if (!status) return names;
	*message = NULL;
	const char *text = ((const char *(*)(const void *))api[get_error_message])(status);
	size_t size = 0;
	while (text[size++]) {}
	if ((*message = malloc(size))) for (size_t i = 0; i < size; i++) (*message)[i] = text[i];
	((void (*)(void *))api[release_status])(status);
	return NULL;
}

static void pmx_release_providers(void **api, char **names, int n) {
	void *status = ((void *(*)(char **, int))api[release_available_providers])(names, n);
	if (status) ((void (*)(void *))api[release_status])(status);
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

// Info is what a library says about itself.
type Info struct {
	Version   string   // 1.27.0
	API       int      // the newest version of the C API that it has: 27
	Providers []string // execution providers compiled in: CPUExecutionProvider, ...
	Training  bool     // it has the training API; not looked for before version 1.19
}

// trainingSince is the first version of the C API whose table is known to have the
// place of the training API.
const trainingSince = 19

// Load loads the library at path and asks it. The library stays loaded: ONNX
// Runtime does not survive being unloaded.
func Load(path string) (Info, error) {
	info, err := load(path)
	if err != nil {
		return Info{}, fmt.Errorf("probe: %s: %w", path, err)
	}
	return info, nil
}

func load(path string) (Info, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	var message *C.char
	library := C.pmx_open(cPath, &message)
	if library == nil {
		return Info{}, errors.New(strings.TrimPrefix(C.GoString(message), path+": "))
	}
	base := C.pmx_base(library)
	if base == nil {
		return Info{}, errors.New("not an ONNX Runtime library: it has no OrtGetApiBase")
	}
	info := Info{Version: C.GoString(C.pmx_version(base))}
	// Version 1.N.P has version N of the C API.
	parts := strings.Split(info.Version, ".")
	if len(parts) < 2 || parts[0] != "1" {
		return Info{}, fmt.Errorf("unknown version %q", info.Version)
	}
	var err error
	if info.API, err = strconv.Atoi(parts[1]); err != nil {
		return Info{}, fmt.Errorf("unknown version %q", info.Version)
	}
	api := C.pmx_api(base, C.uint32_t(info.API))
	if api == nil {
		return Info{}, fmt.Errorf("version %s has no C API of version %d", info.Version, info.API)
	}
	var n C.int
	var failure *C.char
	names := C.pmx_providers(api, &n, &failure)
	if names == nil {
		defer C.free(unsafe.Pointer(failure))
		return Info{}, fmt.Errorf("providers: %s", C.GoString(failure))
	}
	defer C.pmx_release_providers(api, names, n)
	for _, name := range unsafe.Slice(names, int(n)) {
		info.Providers = append(info.Providers, C.GoString(name))
	}
	if info.API >= trainingSince {
		info.Training = C.pmx_training_api(api, C.uint32_t(info.API)) != nil
	}
	return info, nil
}
