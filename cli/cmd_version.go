package cli

import (
	_ "embed"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/images"
	"pmx/internal/buildinfo"
)

// licence is pmx's own: a copy of the one beside the source, which embed cannot reach.
//
//go:embed LICENSE
var licence string

// moduleLicences are the licence texts of Go and of all modules that are compiled in.
// TestLicences writes the file with -update.
//
//go:embed licences.txt
var moduleLicences string

var _ = register("version", func() *cli.Command {
	return &cli.Command{
		Usage: "say which build this is",
		Description: `pmx version              the version, its revision and Go's
pmx version --licences   the licences of pmx, of its images, of Go and of the Go modules
                         that are compiled in`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "licences", Usage: "show the licences of what is in this program"}},
		Action: func(c *cli.Context) error {
			if c.Bool("licences") {
				return printLicences(c.App.Writer)
			}
			_, err := fmt.Fprintf(c.App.Writer, "pmx %s\n%s %s/%s\n", buildinfo.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
})

// printLicences shows the texts that go with every copy of the program.
func printLicences(w io.Writer) error {
	_, err := fmt.Fprintf(w, "pmx:\n\n%s\n\nThe images and labels of the data set \"sample\":\n\n%s\n\n%s",
		strings.TrimSpace(licence), strings.TrimSpace(images.SampleLicense()), moduleLicences)
	return err
}
