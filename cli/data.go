package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"pmx/images"
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
