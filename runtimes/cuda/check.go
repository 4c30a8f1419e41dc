// Package cuda finds out what this machine lacks for ONNX Runtime's CUDA execution
// provider, before ONNX Runtime is asked for it. ONNX Runtime names one missing
// library at a time, and version 1.19 ends the process where the CUDA libraries are
// there and the driver is not: a static initialiser of its provider throws.
package cuda

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"pmx/internal/ortapi"
	"pmx/runtimes/runtimelib"
)

const (
	driverName   = "libcuda.so.1"
	providerName = "libonnxruntime_providers_cuda.so" // ONNX Runtime looks for it beside itself
)

// Check says all that the CUDA provider of the ONNX Runtime library at path lacks,
// on one line, with what to do: the provider itself, the NVIDIA driver and a device
// that it finds, and the libraries of CUDA. kind is ORTCUDA or ORTTrainingCUDA.
// Of CUDA only functions of the driver are called, that initialise it, count devices and
// give errors names.
func Check(kind runtimelib.Kind, path string) error { return check(kind, path, driverName) }

func check(kind runtimelib.Kind, path, driver string) error {
	library, err := ortapi.Load(path)
	if err != nil {
		return fmt.Errorf("cuda: %w; `%s` installs a library that fits", err, kind.InstallCommand())
	}
	if !slices.Contains(library.Providers, "CUDAExecutionProvider") {
		return failure(kind, fmt.Sprintf("%s is built without the CUDA provider (it has %s): `%s` installs one with it",
			path, strings.Join(library.Providers, ", "), kind.InstallCommand()))
	}
	var faults []string
	if err := checkDriver(driver); err != nil {
		faults = append(faults, err.Error())
	}
	if err := checkLibraries(filepath.Join(filepath.Dir(path), providerName)); err != nil {
		faults = append(faults, err.Error())
	}
	if len(faults) == 0 {
		return nil
	}
	return failure(kind, strings.Join(faults, "; "))
}

// said is what comes before ONNX Runtime's words where it throws: places in its
// source, and its own name for the error.
var said = regexp.MustCompile(`^.*\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : `)

// Refused says what ONNX Runtime said when it refused a CUDA provider for which all
// is there that Check looks at.
func Refused(kind runtimelib.Kind, err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return failure(kind, strings.TrimRight(said.ReplaceAllString(text, ""), "."))
}

func failure(kind runtimelib.Kind, what string) error {
	return errors.New("cuda: " + what + "; --device cuda needs " + kind.Needs() + "; --device cpu runs without")
}
