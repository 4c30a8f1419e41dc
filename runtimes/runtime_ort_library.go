package runtimes

import (
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"pmx/internal/ortapi"
	"pmx/runtimes/cuda"
	"pmx/runtimes/runtimelib"
)

// The library is loaded once per process: it has one global environment.
var ortLibrary struct {
	sync.Mutex
	loaded *ortapi.Library // nil until sessions can be made
}

// loadedORT is the library in which sessions are.
func loadedORT() *ortapi.Library {
	ortLibrary.Lock()
	defer ortLibrary.Unlock()
	return ortLibrary.loaded
}

// ortAPI is the version of the C API that onnxruntime_go asks for.
const ortAPI = 24

// loadORT loads the library, once all is there that it and the device need.
func loadORT(o Options) error {
	path, err := findORT(o)
	if err != nil {
		return err
	}
	if o.Device == "cuda" {
		if err := cuda.Check(runtimelib.ORTCUDA, path); err != nil {
			return fmt.Errorf("runtimes: %w", err)
		}
	}
	ortLibrary.Lock()
	defer ortLibrary.Unlock()
	if ortLibrary.loaded != nil && path == ortLibrary.loaded.Path {
		return nil
	}
	const remedy = "`pmx runtime install` installs a library that fits"
	library, err := ortapi.Load(path)
	if err != nil {
		return fmt.Errorf("runtimes: cannot load ONNX Runtime: %w; %s", err, remedy)
	}
	if _, err := library.Table(ortAPI); err != nil {
		return fmt.Errorf("runtimes: %w; %s", err, remedy)
	}
	if ortLibrary.loaded != nil {
		return fmt.Errorf("runtimes: %s is loaded already, a process cannot load %s too", ortLibrary.loaded.Path, path)
	}
	ort.SetSharedLibraryPath(path)
	// Every error is returned, so none is printed besides.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("runtimes: cannot load ONNX Runtime from %s: %w; %s", path, err, remedy)
	}
	ortLibrary.loaded = library
	return nil
}

// findORT is the path of the ONNX Runtime library for the options.
func findORT(o Options) (string, error) {
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		return "", err
	}
	kind := runtimelib.ORT
	if o.Device == "cuda" {
		kind = runtimelib.ORTCUDA
	}
	library, err := installer.Find(kind, o.Library)
	return library.Path, err
}
