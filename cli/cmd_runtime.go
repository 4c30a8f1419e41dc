package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/internal/memory"
	"pmx/internal/table"
	"pmx/runtimes/runtimelib"
)

var _ = register("runtime", func() *cli.Command {
	return &cli.Command{Usage: "install and list the official ONNX Runtime libraries"}
})

var _ = register("runtime install", func() *cli.Command {
	return &cli.Command{
		Usage:     "install a library by pip or npm",
		ArgsUsage: "[ort|ort-training]",
		Description: `pmx runtime install                      ONNX Runtime, for the CPU
pmx runtime install --cuda               with the CUDA provider
pmx runtime install ort-training         ONNX Runtime Training, for the CPU
pmx runtime install ort-training --cuda  with the CUDA provider
pmx runtime install --platform linux/arm64   for another machine

The library comes from the package of its makers, by the pip or npm of this
machine, must have the SHA-256 that pmx was built with, and is kept with its
licence in the user's cache (or in PMX_CACHE); npm's package only names the licence,
so pmx adds the text that pip's has. Then it is loaded, and must have the
version and execution providers that it is published with. Installing again does
nothing. Instead, --ort-lib, PMX_ORT_LIB or, for ort-training, PMX_ORT_TRAINING_LIB
may name a library of your own.

ONNX Runtime Training is published for Python only: pmx converts the package's
extension module to a plain C library, which is the makers' code but not their file.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "cuda", Usage: "the library with the CUDA provider; the machine needs the driver, CUDA and cuDNN besides"},
			&cli.StringFlag{Name: "platform", Usage: "the library for `OS/ARCH` instead of this machine; it is not loaded to try it"},
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
	if c.IsSet("platform") {
		if err := installer.For(c.String("platform")); err != nil {
			return withCode(ExitUsage, err)
		}
	}
	installer.Progress = func(line string) { fmt.Fprintln(c.App.ErrWriter, line) }
	lib, err := installer.Install(c.Context, kind)
	if errors.Is(err, runtimelib.ErrNoClient) {
		return withCode(ExitMissing, err)
	}
	if err != nil {
		return err
	}
	printInstalled(c.App.Writer, lib)
	return nil
}

// printInstalled says what a library is, where it came from and what it needs.
func printInstalled(out io.Writer, lib runtimelib.Library) {
	fmt.Fprintf(out, "%v %s (%s, licence %s) is at %s\n", lib.Kind, lib.Version, lib.Source, lib.Licence, lib.Path)
	if len(lib.Providers) > 0 { // else it is for another machine, and was not asked
		fmt.Fprintf(out, "Its execution providers: %s.\n", shortProviders(lib.Providers))
	}
	if lib.Converted != "" {
		fmt.Fprintf(out, "The file %s.\n", lib.Converted)
	}
	if needs := lib.Kind.Needs(); needs != "" {
		fmt.Fprintf(out, "It needs %s on the machine that uses it.\n", needs)
	}
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
				fmt.Fprintf(c.App.Writer, "No library is installed; `%s` installs the one for the CPU.\n", runtimelib.ORT.InstallCommand())
				return nil
			}
			w := table.New(c.App.Writer)
			w.Row("LIBRARY", "VERSION", "SIZE", "PROVIDERS", "STATE", "PATH")
			for _, l := range list {
				state := "good"
				if l.Err != nil {
					state = oneLine(l.Err)
				}
				w.Row(l.Kind, l.Version, memory.Human(l.Size), shortProviders(l.Providers), state, l.Path)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, l := range list {
				if l.Converted != "" {
					fmt.Fprintf(c.App.Writer, "%v: %s.\n", l.Kind, l.Converted)
				}
			}
			return damaged(list)
		},
	}
})

// damaged is an error if any library in use is.
func damaged(list []runtimelib.Installed) error {
	for _, l := range list {
		if l.Err != nil && l.Install != "" {
			return fmt.Errorf("the library in %s is damaged (%s): %s installs it again", l.Dir, oneLine(l.Err), l.Install)
		}
	}
	return nil
}

// shortProviders lists execution providers without what all their names end in; of a
// library for another machine they are not known.
func shortProviders(names []string) string {
	if len(names) == 0 {
		return "not asked"
	}
	var short []string
	for _, name := range names {
		short = append(short, strings.TrimSuffix(name, "ExecutionProvider"))
	}
	return strings.Join(short, ", ")
}

// findLibrary is the library of a kind for a runtime: the one that --ort-lib
// names, or the environment, or the installed one.
func findLibrary(kind runtimelib.Kind, explicit string) (string, error) {
	lib, ok, err := runtimelib.Named(kind, explicit)
	if !ok {
		installer, noCache := runtimelib.NewInstaller()
		if noCache != nil {
			return "", noCache
		}
		lib, err = installer.Find(kind, explicit)
	}
	if errors.Is(err, runtimelib.ErrNotInstalled) || errors.Is(err, runtimelib.ErrNotThere) {
		return "", withCode(ExitMissing, err)
	}
	return lib.Path, err
}
