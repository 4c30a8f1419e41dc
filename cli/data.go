package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"pmx/images"
	"pmx/internal/progress"
)

// dataHelp is the part of a help text that lists the data sets.
func dataHelp() string {
	var b strings.Builder
	b.WriteString("Images (SPEC), as a format and a path or as a path alone:\n")
	for name, f := range images.Formats.All() {
		spec := name
		if f.Arg != "" {
			spec += ":" + f.Arg
		}
		fmt.Fprintf(&b, "  %-18s %s\n", spec, f.Help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// dataHint stands for dataHelp in help texts that are long without it.
const dataHint = `Images (SPEC) are a folder or FORMAT:PATH; "pmx check-data --help" lists the formats.`

// onBadImageFlag says what is done about images that cannot be read.
func onBadImageFlag() cli.Flag {
	return &cli.StringFlag{Name: "on-bad-image", Value: "skip", Usage: "`stop|skip`: stop at an image that cannot be read, or skip up to 20 or one in a thousand, whichever is more"}
}

// stopOnBadImage reads onBadImageFlag.
func stopOnBadImage(c *cli.Context) (bool, error) {
	switch choice := c.String("on-bad-image"); choice {
	case "skip":
		return false, nil
	case "stop":
		return true, nil
	default:
		return false, usageErrorf("--on-bad-image %s: want stop or skip", choice)
	}
}

// badImageOptions open images by onBadImageFlag.
func badImageOptions(c *cli.Context) ([]images.OpenOption, error) {
	stop, err := stopOnBadImage(c)
	if err != nil || stop {
		return nil, err
	}
	return []images.OpenOption{images.Skip(nil)}, nil
}

// printSkipped tells which images of d could not be read and were left out.
func printSkipped(stderr io.Writer, d images.Dataset) {
	skipping, ok := d.(*images.Skipping)
	if !ok {
		return
	}
	skipped := skipping.Skipped()
	for i, s := range skipped {
		if i == 20 {
			fmt.Fprintf(stderr, "note: and %s more\n", progress.Count(int64(len(skipped)-i)))
			return
		}
		fmt.Fprintf(stderr, "note: left out, since it cannot be read: %s: %s\n", s.Err.Path, oneLine(s.Err.Err))
	}
}

// specExit gives a wrong data set specification its exit code.
func specExit(err error) error {
	if wrong, ok := errors.AsType[*images.SpecError](err); ok {
		return withCode(ExitUsage, wrong)
	}
	return err
}

// printNotes tells the user what does not stop a command.
func printNotes(stderr io.Writer, notes []string) {
	for _, note := range notes {
		fmt.Fprintln(stderr, "note:", note)
	}
}
