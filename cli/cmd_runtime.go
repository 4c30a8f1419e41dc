package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/artifacts/runtimelib"
)

var _ = register("runtime", func() *cli.Command {
	return &cli.Command{Usage: "install and list the official ONNX Runtime libraries"}
})

var _ = register("runtime install", func() *cli.Command {
	return &cli.Command{
		Usage:     "bring a library by pip or npm",
		ArgsUsage: "[ort|ort-training]",
		Description: `pmx runtime install                      ONNX Runtime, for the CPU
pmx runtime install --cuda               with the CUDA provider

The library comes from the package of its makers, by the pip or npm of this
machine, must have the SHA-256 that pmx was built with, and is kept with its
licence in the user's cache (or in PMX_CACHE). Installing again does nothing.
Instead, --ort-lib or PMX_ORT_LIB may name a library of your own.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "cuda", Usage: "the library with the CUDA provider; the machine needs the driver, CUDA and cuDNN besides"},
		},
		Action: installRuntime,
	}
})

func installRuntime(c *cli.Context) error {
	if c.NArg() > 1 {
		return usageErrorf("name one library, not %d", c.NArg())
	}
	name := "ort"
	if c.NArg() == 1 {
		name = c.Args().First()
	}
	if c.Bool("cuda") {
		name = strings.TrimSuffix(name, "-cuda") + "-cuda"
	}
	kind, err := runtimelib.ParseKind(name)
	if err != nil {
		return withCode(ExitUsage, err)
	}
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		return err
	}
	installer.Progress = func(line string) { fmt.Fprintln(c.App.ErrWriter, line) }
	lib, err := installer.Install(c.Context, kind)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%v %s (%s, licence %s) is at %s\n", lib.Kind, lib.Version, lib.Source, lib.Licence, lib.Path)
	if needs := lib.Kind.Needs(); needs != "" {
		fmt.Fprintf(c.App.Writer, "It needs %s on the machine that uses it.\n", needs)
	}
	return nil
}

var _ = register("runtime list", func() *cli.Command {
	return &cli.Command{
		Usage:       "list the installed libraries, having read and checked each",
		Description: "pmx runtime list",
		Action: func(c *cli.Context) error {
			installer, err := runtimelib.NewInstaller()
			if err != nil {
				return err
			}
			list, err := installer.List()
			if err != nil {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintf(c.App.Writer, "No library is installed; `%s` brings the one for the CPU.\n", runtimelib.ORT.InstallCommand())
				return nil
			}
			w := newTable(c.App.Writer)
			w.row("LIBRARY", "VERSION", "SIZE", "STATE", "PATH")
			for _, l := range list {
				state := "good"
				if l.Err != nil {
					state = oneLine(l.Err)
				}
				w.row(l.Kind, l.Version, humanBytes(l.Size), state, l.Path)
			}
			return w.Flush()
		},
	}
})

// findLibrary is the library of a kind for a runtime: the one that --ort-lib
// names, or the environment, or the installed one.
func findLibrary(kind runtimelib.Kind, explicit string) (string, error) {
	installer, err := runtimelib.NewInstaller()
	if err != nil {
		return "", err
	}
	lib, err := installer.Find(kind, explicit)
	if errors.Is(err, runtimelib.ErrNotInstalled) {
		return "", withCode(ExitMissing, err)
	}
	return lib.Path, err
}
