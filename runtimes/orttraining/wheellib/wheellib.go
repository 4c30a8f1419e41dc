// Package wheellib makes a plain C library out of ONNX Runtime's Python
// extension module.
//
// ONNX Runtime Training 1.19.2 is published only as Python wheels. The module
// in such a wheel holds the whole runtime, but exports nothing except its
// Python entry point, and asks for Python's symbols when it is loaded. The C
// API is all there: a static OrtApiBase {GetApi, GetVersionString}, which an
// OrtGetApiBase function would return. Convert edits a copy:
//
//  1. find the one OrtApiBase, by its relocations and the code of GetVersionString;
//  2. overwrite the entry point with code that returns its address, and rename it;
//  3. rebuild the hash table by which the loader finds names;
//  4. make Python's symbols weak, so that the loader does without them.
//
// Nothing on the way through the C API calls Python. The file keeps its size
// and layout. Whatever differs from what is described here is refused: this
// changes machine code, and a guess would crash later, elsewhere.
package wheellib

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// entryPrefix and entryName: the module's entry point before and after.
const (
	entryPrefix = "PyInit_"
	entryName   = "OrtGetApiBase"
)

// Result is a converted library.
type Result struct {
	Library       []byte // an ELF shared object, as large as the module
	PythonSymbols int    // how many were made weak
}

// Convert makes a C library of an extension module for Linux on x86-64, which
// must be that of the given ONNX Runtime version (1.19.2). The module is not changed.
func Convert(module []byte, version string) (*Result, error) {
	r, err := convert(module, version)
	if err != nil {
		return nil, fmt.Errorf("wheellib: this is not the extension module of ONNX Runtime %s for Linux on x86-64: %w", version, err)
	}
	return r, nil
}

func convert(module []byte, version string) (*Result, error) {
	im, err := parse(module)
	if err != nil {
		return nil, err
	}
	base, err := im.findAPIBase(version)
	if err != nil {
		return nil, err
	}
	entry, err := im.findEntry()
	if err != nil {
		return nil, err
	}
	if err := im.replaceEntry(entry, base); err != nil {
		return nil, err
	}
	python := im.weakenPython()
	if python == 0 {
		return nil, errors.New("it needs no symbols of Python")
	}
	if err := im.rebuildHash(entry); err != nil {
		return nil, err
	}
	if err := check(im.data); err != nil {
		return nil, err
	}
	return &Result{Library: im.data, PythonSymbols: python}, nil
}

// check reads the result as any other program would: it must export just one
// function, of the new name.
func check(library []byte) error {
	f, err := elf.NewFile(bytes.NewReader(library))
	if err != nil {
		return err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return err
	}
	exported := 0
	for _, s := range symbols {
		if s.Name == entryName && s.Section != elf.SHN_UNDEF && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			exported++
		}
		if strings.HasPrefix(s.Name, entryPrefix) {
			return fmt.Errorf("it has another %s", s.Name)
		}
	}
	if exported != 1 {
		return fmt.Errorf("%s would be there %d times", entryName, exported)
	}
	return nil
}
