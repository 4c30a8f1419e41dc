package cli

import (
	_ "embed"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/images"
	"pmx/internal/buildinfo"
)

// licence is pmx's own: a copy of the one beside the source, which embed cannot reach.
//
//go:embed LICENSE
var licence string

var _ = register("version", func() *cli.Command {
	return &cli.Command{
		Usage: "say which build this is",
		Description: `pmx version              the version, its revision and Go's
pmx version --licences   the licences of pmx and of its images, and which Go modules
                         are compiled in`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "licences", Usage: "show the licences of what is in this program"}},
		Action: func(c *cli.Context) error {
			if c.Bool("licences") {
				info, ok := debug.ReadBuildInfo()
				if !ok {
					return fmt.Errorf("this build does not say which modules are compiled in: build it with make build")
				}
				return printLicences(c.App.Writer, info.Deps)
			}
			_, err := fmt.Fprintf(c.App.Writer, "pmx %s\n%s %s/%s\n", buildinfo.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
})

// printLicences shows the texts that go with every copy of the program, and where
// those of other people's code are: each module comes under a licence of its own.
func printLicences(w io.Writer, modules []*debug.Module) error {
	_, err := fmt.Fprintf(w, "pmx:\n\n%s\n\nThe images and labels of the data set \"sample\":\n\n%s\n\n", strings.TrimSpace(licence), strings.TrimSpace(images.SampleLicense()))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "Compiled in besides, under the licences in their sources (https://pkg.go.dev/MODULE@VERSION?tab=licenses):\n\n%s, its standard library (https://go.dev/LICENSE)\n", runtime.Version()); err != nil {
		return err
	}
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		if _, err := fmt.Fprintf(w, "%s %s\n", m.Path, m.Version); err != nil {
			return err
		}
	}
	return nil
}
