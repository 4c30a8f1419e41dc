package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts/runtimelib"
	"pmx/training"
	"pmx/training/kernels"
)

// runtimeFlags choose what executes models.
func runtimeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "runtime", Value: "ort", Usage: "execute with `NAME`: " + strings.Join(training.RuntimeNames(), ", ")},
		&cli.StringFlag{Name: "device", Value: "cpu", Usage: "cpu or cuda"},
		&cli.StringFlag{Name: "ort-lib", Usage: "use the ONNX Runtime library at `PATH` instead of the installed one"},
		&cli.IntFlag{Name: "threads", Usage: "threads of one operator; 0 is one per core"},
		&cli.StringFlag{Name: "kernels", Value: "on", Usage: "pmx's own CPU kernels: on, off, or an instruction `SET`: " + strings.Join(kernels.ISAs(), ", ")},
	}
}

// runtimeOf resolves runtimeFlags. A library that is missing is ExitMissing, with
// the command that brings it.
func runtimeOf(c *cli.Context) (training.Runtime, training.Options, error) {
	options := training.Options{Device: c.String("device"), Threads: c.Int("threads"), Library: c.String("ort-lib"), Kernels: c.String("kernels")}
	runtime, err := training.LookupRuntime(c.String("runtime"))
	if err != nil {
		return nil, options, withCode(ExitUsage, err)
	}
	if options.Device != "cpu" && options.Device != "cuda" {
		return nil, options, usageErrorf("unknown device %q: want cpu or cuda", options.Device)
	}
	if k := options.Kernels; k != "on" && k != "off" && !slices.Contains(kernels.ISAs(), k) {
		return nil, options, usageErrorf("unknown kernels %q: want on, off or one of %s", k, strings.Join(kernels.ISAs(), ", "))
	}
	if kind, ok := libraryOf(runtime.Name(), options.Device); ok {
		if options.Library, err = findLibrary(kind, options.Library); err != nil {
			return nil, options, err
		}
	}
	if _, err := runtime.Version(options); err != nil {
		return nil, options, withCode(ExitMissing, err)
	}
	return runtime, options, nil
}

// libraryOf is the library that a runtime loads, if it loads one.
func libraryOf(runtime, device string) (runtimelib.Kind, bool) {
	kind := runtimelib.Kind(runtime)
	if device == "cuda" {
		kind += "-cuda"
	}
	_, err := runtimelib.ParseKind(string(kind))
	return kind, err == nil
}
