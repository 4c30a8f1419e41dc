package cuda

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

static void *pmx_open(const char *name, const char **message) {
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (!library) *message = dlerror();
	return library;
}

// The functions of the driver, as cuda.h declares them.
static int pmx_init(void *f) { return ((int (*)(unsigned))f)(0); }
static int pmx_count(void *f, int *n) { return ((int (*)(int *))f)(n); }
static int pmx_text(void *f, int code, const char **text) { return ((int (*)(int, const char **))f)(code, text); }
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// open loads a shared library, which stays loaded: the provider wants it next.
// missing is the library that the loader did not find, name or one that name needs.
func open(name string) (library unsafe.Pointer, missing string, err error) {
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	var message *C.char
	if library = C.pmx_open(cName, &message); library != nil {
		return library, "", nil
	}
	text := C.GoString(message)
	missing, _, notFound := strings.Cut(text, ": cannot open shared object file: No such file")
	if !notFound {
		missing = ""
	}
	return nil, missing, errors.New(text)
}

const noDeviceError = 100 // CUDA_ERROR_NO_DEVICE

var errNoDevice = errors.New("the NVIDIA driver finds no device")

// checkDriver starts the NVIDIA driver and asks for its devices.
func checkDriver(name string) error {
	library, missing, err := open(name)
	switch {
	case err != nil && missing == name:
		return fmt.Errorf("no NVIDIA driver: %s is not on this machine", name)
	case err != nil:
		return fmt.Errorf("the NVIDIA driver does not load: %w", err)
	}
	functions := map[string]unsafe.Pointer{"cuInit": nil, "cuDeviceGetCount": nil, "cuGetErrorString": nil}
	for f := range functions {
		cName := C.CString(f)
		functions[f] = C.dlsym(library, cName)
		C.free(unsafe.Pointer(cName))
		if functions[f] == nil {
			return fmt.Errorf("%s is no NVIDIA driver: it has no %s", name, f)
		}
	}
	fault := func(call string, code C.int) error {
		switch code {
		case 0:
			return nil
		case noDeviceError:
			return errNoDevice
		}
		var text *C.char // stays NULL for a code that the driver does not know
		C.pmx_text(functions["cuGetErrorString"], code, &text)
		return fmt.Errorf("the NVIDIA driver fails: %s gives error %d (%s)", call, code, C.GoString(text))
	}
	if err := fault("cuInit", C.pmx_init(functions["cuInit"])); err != nil {
		return err
	}
	var devices C.int
	if err := fault("cuDeviceGetCount", C.pmx_count(functions["cuDeviceGetCount"], &devices)); err != nil {
		return err
	}
	if devices < 1 {
		return errNoDevice
	}
	return nil
}
