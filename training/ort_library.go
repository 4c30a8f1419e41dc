package training

import "pmx/artifacts/runtimelib"

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
