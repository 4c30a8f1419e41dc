package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/runtimes"
	"pmx/runtimes/kernels"
	"pmx/runtimes/runtimelib"
)

// runtimeFlags choose what executes models.
func runtimeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "runtime", Value: "ort", Usage: "execute with `NAME`: " + strings.Join(runtimes.RuntimeNames(), ", ")},
		&cli.StringFlag{Name: "device", Value: "cpu", Usage: "cpu or cuda"},
		&cli.StringFlag{Name: "ort-lib", Usage: "use the ONNX Runtime library at `PATH` instead of the installed one"},
		&cli.IntFlag{Name: "threads", Usage: "threads of one operator; 0 is one per core"},
		&cli.StringFlag{Name: "kernels", Value: "on", Usage: "pmx's own kernels, of --runtime ort on the CPU: on, off, or an instruction `SET` of the processor (avx512, avx2) or portable"},
	}
}

// maxThreads is above the cores of any machine, and below what would take all of its threads.
const maxThreads = 4096

// runtimeOf resolves runtimeFlags. A library that is missing is ExitMissing, with
// the command that installs it.
func runtimeOf(c *cli.Context) (runtimes.Runtime, runtimes.Options, error) {
	return openRuntime(c, c.String("runtime"), c.String("device"), c.String("kernels"))
}

// openRuntime resolves the other runtimeFlags for a runtime, a device and a choice of
// kernels.
func openRuntime(c *cli.Context, name, device, choice string) (runtimes.Runtime, runtimes.Options, error) {
	options := runtimes.Options{Device: device, Threads: c.Int("threads"), Library: c.String("ort-lib"), Kernels: choice}
	runtime, err := runtimes.LookupRuntime(name)
	if err != nil {
		return nil, options, withCode(ExitUsage, err)
	}
	if options.Device != "cpu" && options.Device != "cuda" {
		return nil, options, usageErrorf("unknown device %q: want cpu or cuda", options.Device)
	}
	if _, has := libraryOf(runtime.Name(), options.Device); options.Device == "cuda" && !has {
		return nil, options, usageErrorf("--device cuda: runtime %s computes on the CPU: use --device cpu or --runtime ort", runtime.Name())
	}
	if k := options.Kernels; k != "on" && k != "off" && !slices.Contains(kernels.ISAs(), k) {
		return nil, options, usageErrorf("unknown kernels %q: want on, off or one of %s", k, strings.Join(kernels.ISAs(), ", "))
	}
	if !runtimes.TakesKernels(runtime, device) {
		// Off is the truth there; anything else would be ignored.
		if c.IsSet("kernels") && options.Kernels != "off" {
			return nil, options, usageErrorf("--kernels %s: pmx's kernels are for --runtime ort --device cpu, not for %s on %s: leave the flag out", options.Kernels, name, device)
		}
		options.Kernels = "off"
	}
	if options.Threads < 0 || options.Threads > maxThreads {
		return nil, options, usageErrorf("--threads %d: want 0 (one per core) to %d", options.Threads, maxThreads)
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
