package kernels

/*
#cgo CFLAGS: -O3 -Wall -Wextra
#cgo linux LDFLAGS: -lpthread -lm
#include <stdlib.h>
#include "register.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"pmx/internal/ortapi"
)

// Register adds the kernels to the options of a session that is to be made.
// options are an OrtSessionOptions of the library. isa names an instruction set of
// ISAs; "" is the widest.
//
// operators are those of the model, as domain.name: a domain is registered only if
// one of them has a kernel in it. To a model that does not import com.microsoft,
// such a domain would hide the operators that ONNX Runtime's own optimizer makes.
func Register(library *ortapi.Library, options unsafe.Pointer, isa string, operators []string) error {
	var domains []string
	for _, name := range Names() {
		domain := name[:strings.LastIndexByte(name, '.')]
		if slices.Contains(operators, name) && !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	var name *C.char
	if isa != "" {
		if !slices.Contains(ISAs(), isa) {
			return fmt.Errorf("kernels: this processor has no %q: it has %q", isa, ISAs())
		}
		name = C.CString(isa)
		defer C.free(unsafe.Pointer(name))
	}
	for _, domain := range domains {
		if err := register(library.Base(), options, name, domain); err != nil {
			return err
		}
	}
	return nil
}

func register(base, options unsafe.Pointer, isa *C.char, domain string) error {
	d := C.CString(domain)
	defer C.free(unsafe.Pointer(d))
	if message := C.pmx_register(base, options, isa, d); message != nil {
		defer C.free(unsafe.Pointer(message))
		return fmt.Errorf("kernels: %s", C.GoString(message))
	}
	return nil
}

// ISAs lists the instruction sets that this processor has and kernels are compiled
// for, widest first. "portable" is always among them.
func ISAs() []string {
	var all []string
	for i := C.int(0); ; i++ {
		name := C.pmx_isa_name(i)
		if name == nil {
			return all
		}
		if s := C.GoString(name); s != "" {
			all = append(all, s)
		}
	}
}

// Names lists the operators that have a kernel, as domain.name.
func Names() []string {
	var all []string
	for i := C.int(0); ; i++ {
		name := C.pmx_kernel_name(i)
		if name == nil {
			return all
		}
		all = append(all, C.GoString(name))
	}
}
