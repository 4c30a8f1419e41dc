package images

import (
	"os"
	"path/filepath"
	"strings"
)

// AbsSpec is a dataset's specification (see Open) that means the same wherever the
// program runs: its path is absolute.
func AbsSpec(spec string) (string, error) {
	name, path, _ := strings.Cut(spec, ":")
	format, err := Formats.Lookup(name)
	switch {
	case err != nil: // a path alone
		return filepath.Abs(inHome(spec))
	case format.Arg == "":
		return spec, nil
	}
	path, err = filepath.Abs(inHome(path))
	return name + ":" + path, err
}

// inHome replaces a ~ at the beginning of a path by the user's home folder, which a shell
// does only at the beginning of a word.
func inHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
