// Package runtimelib installs the official ONNX Runtime libraries to a machine
// and finds them again. They come out of the packages that their makers
// publish, by the package client that the user has (pip, else npm); every
// archive and every library in it must have the SHA-256 that this program was
// built with. They are kept, with their licence files, in
//
//	<user's cache>/pmx/runtimes/<kind>-<version>-<os>-<arch>/
//
// or under $PMX_CACHE/runtimes.
package runtimelib

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is one of the libraries.
type Kind string

// The libraries that can be installed.
const (
	ORT             Kind = "ort"               // ONNX Runtime on the CPU
	ORTCUDA         Kind = "ort-cuda"          // ONNX Runtime with the CUDA provider
	ORTTraining     Kind = "ort-training"      // ONNX Runtime Training on the CPU
	ORTTrainingCUDA Kind = "ort-training-cuda" // ONNX Runtime Training with the CUDA provider
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{ORT, ORTCUDA, ORTTraining, ORTTrainingCUDA} }

// ParseKind reads a kind's name.
func ParseKind(name string) (Kind, error) {
	if k := Kind(name); slices.Contains(Kinds(), k) {
		return k, nil
	}
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("runtimelib: no runtime is called %q: choose one of %s", name, strings.Join(names, ", "))
}

// String is the name in full.
func (k Kind) String() string {
	switch k {
	case ORT:
		return "ONNX Runtime"
	case ORTCUDA:
		return "ONNX Runtime for CUDA"
	case ORTTraining:
		return "ONNX Runtime Training"
	case ORTTrainingCUDA:
		return "ONNX Runtime Training for CUDA"
	}
	return string(k)
}

// InstallCommand is what a user types to get the library.
func (k Kind) InstallCommand() string {
	switch k {
	case ORTCUDA:
		return "pmx runtime install --cuda"
	case ORTTraining:
		return "pmx runtime install ort-training"
	case ORTTrainingCUDA:
		return "pmx runtime install ort-training --cuda"
	}
	return "pmx runtime install"
}

// Needs says what the machine must have besides the library; "" is nothing.
func (k Kind) Needs() string {
	switch k {
	case ORTCUDA:
		return "an NVIDIA driver, CUDA 13 (cudart, cublas, cufft, curand, nvrtc) and cuDNN 9"
	case ORTTrainingCUDA:
		return "an NVIDIA driver, CUDA 11.8 (cudart, cublas, cufft, curand) and cuDNN 8"
	}
	return ""
}

// providers are the execution providers that the library must have, among others.
func (k Kind) providers() []string {
	switch k {
	case ORTCUDA, ORTTrainingCUDA:
		return []string{"CUDAExecutionProvider", "CPUExecutionProvider"}
	}
	return []string{"CPUExecutionProvider"}
}

// trains reports whether the library must have the training API.
func (k Kind) trains() bool { return k == ORTTraining || k == ORTTrainingCUDA }

// EnvVar is the environment variable that names a library to use instead of
// the installed one.
func (k Kind) EnvVar() string {
	switch k {
	case ORTTraining, ORTTrainingCUDA:
		return "PMX_ORT_TRAINING_LIB"
	}
	return "PMX_ORT_LIB"
}

// superset is the kind that can do all that k can, or "".
func (k Kind) superset() Kind {
	switch k {
	case ORT:
		return ORTCUDA
	case ORTTraining:
		return ORTTrainingCUDA
	}
	return ""
}
